package deliver

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// topicHole is the part of a path that the batch's topic takes the place of.
const topicHole = "{topic}"

// maxSocketPath is the longest path of a unix socket, in bytes. Source: sun_path in unix(7), less
// the closing zero.
const maxSocketPath = 107

// target is where requests go, taken apart once.
type target struct {
	network string // tcp | unix
	address string // host:port, or the socket's path
	host    string // the Host header
	path    string // as the request line has it; may hold topicHole
	basic   string // the Authorization header of a URL with user and password; "" = none
	shown   string // for people: user and password hidden; may hold topicHole
}

// parseTarget reads http://host:port/path or unix:/socket:/path. The error says what is wrong with
// it and never repeats a password.
func parseTarget(raw string, topicAllowed bool) (target, error) {
	var t target
	var err error
	switch {
	case strings.HasPrefix(raw, "http://"):
		t, err = parseHTTP(strings.TrimPrefix(raw, "http://"))
	case strings.HasPrefix(raw, "unix:"):
		t, err = parseUnix(strings.TrimPrefix(raw, "unix:"))
	case strings.HasPrefix(raw, "https://"):
		return t, errors.New("https is not spoken: the app runs beside the sidecar; use http://host:port/path or unix:/socket:/path")
	case raw == "":
		return t, errors.New("is empty; use http://host:port/path or unix:/socket:/path")
	default:
		return t, errors.New("must begin with http:// or unix:/ (http://host:port/path or unix:/socket:/path)")
	}
	if err != nil {
		return t, err
	}
	return t, checkPath(t.path, topicAllowed)
}

func parseHTTP(rest string) (target, error) {
	authority, path := rest, "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
		if path[0] == '?' {
			path = "/" + path
		}
	}
	t := target{network: "tcp", path: path}
	hidden := ""
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, err := url.PathUnescape(authority[:i])
		if err != nil {
			return t, errors.New("user and password are not percent-encoded properly")
		}
		t.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(user))
		authority, hidden = authority[i+1:], "***@"
	}
	u, err := url.Parse("http://" + authority)
	if err != nil || u.Hostname() == "" || u.Host != authority || strings.Contains(authority, "{") {
		return t, fmt.Errorf("has no valid host and port (got %q)", authority)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return t, fmt.Errorf("port must be 1 to 65535 (got %s)", port)
	}
	t.host = authority
	t.address = net.JoinHostPort(u.Hostname(), port)
	t.shown = "http://" + hidden + authority + path
	return t, nil
}

func parseUnix(rest string) (target, error) {
	socket, path, ok := strings.Cut(rest, ":/")
	if !ok {
		return target{}, errors.New("names no path behind the socket; use unix:/socket:/path, for example unix:/run/app.sock:/batches")
	}
	if !strings.HasPrefix(socket, "/") || len(socket) < 2 {
		return target{}, fmt.Errorf("the socket's path must be absolute (got %q); use unix:/socket:/path", socket)
	}
	if len(socket) > maxSocketPath {
		return target{}, fmt.Errorf("the socket's path is longer than %d bytes, which no system accepts (got %d)", maxSocketPath, len(socket))
	}
	if strings.ContainsRune(socket, 0) || strings.Contains(socket, "{") {
		return target{}, fmt.Errorf("the socket's path has a character it must not have (got %q)", socket)
	}
	return target{network: "unix", address: socket, host: "localhost", path: "/" + path, shown: "unix:" + rest}, nil
}

// checkPath refuses what a request line can't carry, and placeholders nobody fills.
func checkPath(path string, topicAllowed bool) error {
	if strings.Contains(path, topicHole) && !topicAllowed {
		return errors.New("must not contain {topic}: it is asked without a batch")
	}
	rest := strings.ReplaceAll(path, topicHole, "")
	if i := strings.IndexAny(rest, "{}"); i >= 0 {
		return fmt.Errorf("the path has a placeholder that is not known (got %q); only {topic} is", path)
	}
	if strings.Contains(rest, "#") {
		return errors.New("must not have a fragment (#…): it is never sent")
	}
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c >= 0x7f {
			return fmt.Errorf("the path must be percent-encoded: byte 0x%02x at %q can't stand in it", c, path)
		}
	}
	if _, err := url.ParseRequestURI(rest); err != nil {
		return fmt.Errorf("the path is not percent-encoded properly (got %q)", path)
	}
	return nil
}

// expand puts the topic into a path or a shown URL.
func expand(s, topic string) string {
	return strings.ReplaceAll(s, topicHole, url.PathEscape(topic))
}

// perTopic reports whether a request can hold records of one topic only.
func (t *target) perTopic() bool { return strings.Contains(t.path, topicHole) }
