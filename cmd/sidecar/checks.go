package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// Checks of single texts. Each error begins with "must" and shows what was found.

func unprintable(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }

func printable(s string) error {
	if strings.ContainsFunc(s, unprintable) || len(s) > 4096 {
		return fmt.Errorf("must be at most 4096 bytes of printable text (got %s)", shown(s))
	}
	return nil
}

func notEmpty(s string) error {
	if s == "" {
		return errors.New("must not be empty")
	}
	return printable(s)
}

// optional is check for a text that may be empty.
func optional(check func(string) error) func(string) error {
	return func(s string) error {
		if s == "" {
			return nil
		}
		return check(s)
	}
}

func shortName(s string) error {
	if len(s) > 249 || strings.ContainsFunc(s, unprintable) {
		return fmt.Errorf("must be at most 249 bytes of printable text (got %s)", shown(s))
	}
	return nil
}

// groupName bounds the group: it is a part of a Consul key, where every byte may become three.
func groupName(s string) error {
	switch {
	case s == "":
		return errors.New("must not be empty")
	case len(s) > 200 || strings.ContainsFunc(s, unprintable):
		return fmt.Errorf("must be at most 200 bytes of printable text (got %s)", shown(s))
	}
	return nil
}

var topicPattern = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// topicName is Kafka's rule for names of topics.
func topicName(s string) error {
	if !topicPattern.MatchString(s) || s == "." || s == ".." {
		return fmt.Errorf("must be a legal topic name: 1 to 249 of a-z A-Z 0-9 . _ - (got %s)", shown(s))
	}
	return nil
}

// deadLetterTopic is a topic name with {topic} and {group} in it.
func deadLetterTopic(s string) error {
	sample := relay.Config{DeadLetterTopic: s, Group: "g"}
	if topicName(sample.DeadLetterTopicOf("t")) != nil {
		return fmt.Errorf("must be a legal topic name in which only {topic} and {group} expand (got %s)", shown(s))
	}
	return nil
}

func keyPrefix(s string) error {
	bad := s == "" || len(s) > 200 || strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") || strings.Contains(s, "//") ||
		strings.ContainsFunc(s, func(r rune) bool { return unprintable(r) || unicode.IsSpace(r) })
	for segment := range strings.SplitSeq(s, "/") {
		bad = bad || segment == "." || segment == ".."
	}
	if bad {
		return fmt.Errorf("must be 1 to 200 bytes without spaces, without / at either end and without empty, . or .. parts (got %s)", shown(s))
	}
	return nil
}

// hostPort is the address of another system.
func hostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	n, errPort := strconv.Atoi(port)
	if err != nil || errPort != nil || host == "" || n < 1 || n > 65535 || strings.ContainsAny(s, "/@ ") || strings.ContainsFunc(s, unprintable) {
		return fmt.Errorf("must be host:port with a port from 1 to 65535 (got %s)", shown(s))
	}
	return nil
}

// listenAddr is an address to listen on: the host may be empty, port 0 lets the system choose.
func listenAddr(s string) error {
	_, port, err := net.SplitHostPort(s)
	n, errPort := strconv.Atoi(port)
	if err != nil || errPort != nil || n < 0 || n > 65535 || strings.ContainsFunc(s, unprintable) {
		return fmt.Errorf("must be host:port or :port with a port from 0 to 65535 (got %s)", shown(s))
	}
	return nil
}

// maxSocketPath is the longest path of a unix socket. Source: sun_path in unix(7).
const maxSocketPath = 107

func adminAddr(s string) error {
	path, unix := strings.CutPrefix(s, "unix:")
	if !unix {
		return listenAddr(s)
	}
	if path == "" || len(path) > maxSocketPath || strings.ContainsFunc(path, unprintable) {
		return fmt.Errorf("must be unix: and a path of 1 to %d bytes (got %s)", maxSocketPath, shown(s))
	}
	return nil
}

// appURL only tells the two transports from everything else; package deliver has the whole rule.
func appURL(s string) error {
	if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "unix:/") {
		return fmt.Errorf("must be http://host:port/path or unix:/socket:/path (got %s)", shown(s))
	}
	return printable(s)
}

// remoteHost is the host of an http URL that is not this machine; "" = it is, or it is a unix socket.
func remoteHost(s string) string {
	rest, ok := strings.CutPrefix(s, "http://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	host := rest
	if h, _, err := net.SplitHostPort(rest); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" {
		return ""
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return ""
	}
	return host
}

// redactURL hides user and password of a URL; every other text stays as it is.
func redactURL(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || strings.ContainsAny(scheme, " /") {
		return s
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return s
	}
	if _, err := url.Parse(s); err != nil {
		// A password with a raw / or ? would be cut in the wrong place.
		at = strings.LastIndexByte(rest, '@')
		return scheme + "://" + redacted + rest[at:]
	}
	return scheme + "://" + redacted + authority[at:] + path
}
