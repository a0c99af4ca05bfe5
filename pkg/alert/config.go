package alert

import (
	"errors"
	"net/netip"
	"net/url"
	"time"

	"github.com/rs/zerolog"
)

// Config says whom to tell.
type Config struct {
	Group     string
	Webhook   string        // URL; "" = nobody is told
	AllowHTTP bool          // http to another host: anybody on the way can read and change alerts
	After     time.Duration // how long app, store or Kafka must be down to be told; default 1m
	Secret    func() string // whsec_ and base64, asked for each request; nil = requests are not signed
	Log       zerolog.Logger
}

// DefaultConfig is the configuration before anything is set.
func DefaultConfig() Config { return Config{After: time.Minute} }

// CheckWebhook says what is wrong with a webhook's URL; it does not repeat it, because the path may be a secret.
func CheckWebhook(raw string, allowHTTP bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("must be a URL such as https://host/path")
	case u.Fragment != "":
		return errors.New("must not have a fragment (#…): it is never sent")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return errors.New("must begin with https:// or http://")
	case !allowHTTP && !loopback(u.Hostname()):
		return errors.New("must be https, or http to this host, unless alerts.allow_http is true")
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// CheckSecret says what is wrong with a signing secret; the error does not show it.
func CheckSecret(secret string) error {
	_, err := signingKey(secret)
	return err
}
