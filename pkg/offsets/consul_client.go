package offsets

import (
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/rs/zerolog"
)

// maxConns bounds the connections to the agent, which by default allows 200 per source address
// (http_max_conns_per_client) for everything on the host. One commit, one claim and one watch can
// be under way at once; one is spare for commands.
const maxConns = 4

// newClient makes the one HTTP client of the process. What is set in cfg wins over Consul's
// environment variables.
func newClient(cfg ConsulConfig) (*api.Client, *http.Client, *tokens, error) {
	conf := api.DefaultConfig()
	tokens := newTokens(cfg, conf)
	// The transport sets the token, so that a new one is used without making a new client. The
	// library must not read a token file itself: it would fail without one that is never used.
	conf.TokenFile, conf.Token = "", "set-by-transport"
	if cfg.Datacenter != "" {
		conf.Datacenter = cfg.Datacenter
	}
	applyAddress(cfg, conf)
	applyTLS(cfg.TLS, conf)

	transport := conf.Transport
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = maxConns, maxConns
	transport.DialContext = (&net.Dialer{Timeout: cfg.Timeout, KeepAlive: 15 * time.Second}).DialContext
	httpClient, err := api.NewHttpClient(transport, conf.TLSConfig)
	if err != nil {
		return nil, nil, nil, err
	}
	conf.HttpClient = httpClient
	client, err := api.NewClient(conf)
	if err != nil {
		return nil, nil, nil, err
	}
	// NewClient replaces the HTTP client for a unix: address.
	httpClient = conf.HttpClient
	httpClient.Transport = &recorder{next: httpClient.Transport}
	// A redirect would carry the token, and a PUT turned into a GET, somewhere else.
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, httpClient, tokens, nil
}

func applyAddress(cfg ConsulConfig, conf *api.Config) {
	if cfg.Address != "" {
		conf.Address = cfg.Address
		// The library lets CONSUL_HTTP_SSL turn an http:// address into https.
		if strings.HasPrefix(cfg.Address, "http://") {
			conf.Scheme = "http"
		}
	}
	if cfg.TLS.Enabled {
		conf.Scheme = "https"
	}
	if cfg.Scheme != "" {
		conf.Scheme = cfg.Scheme
	}
}

func applyTLS(set TLS, conf *api.Config) {
	if !set.Enabled {
		return
	}
	t := &conf.TLSConfig
	t.InsecureSkipVerify = set.InsecureSkipVerify
	if set.CAFile != "" {
		t.CAFile, t.CAPath = set.CAFile, ""
	}
	if set.CertFile != "" {
		t.CertFile, t.KeyFile = set.CertFile, set.KeyFile
	}
	if set.ServerName != "" {
		t.Address = set.ServerName
	}
}

// tokens holds the ACL token in use. A token may be rotated in its file while the process runs, so
// a refused one is read again.
type tokens struct {
	source func() string
	log    zerolog.Logger

	mu     sync.Mutex
	loaded bool
	token  string
}

// newTokens prefers the configured token to CONSUL_HTTP_TOKEN_FILE, and that to CONSUL_HTTP_TOKEN.
func newTokens(cfg ConsulConfig, env *api.Config) *tokens {
	file, token := env.TokenFile, env.Token
	source := func() string {
		if cfg.Token != nil {
			if t := cfg.Token(); t != "" {
				return t
			}
		}
		if file != "" {
			if data, err := os.ReadFile(file); err == nil {
				if t := strings.TrimSpace(string(data)); t != "" {
					return t
				}
			}
		}
		return token
	}
	return &tokens{source: source, log: cfg.Log}
}

// current is the token to send; it is read at the first call and kept.
func (t *tokens) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.loaded {
		t.token, t.loaded = t.source(), true
	}
	return t.token
}

// renew reads the token again after refused was refused, and reports whether another one is there
// now.
func (t *tokens) renew(refused string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != refused {
		return true // another call was faster
	}
	t.token = t.source()
	if t.token == refused {
		return false
	}
	t.log.Info().Msg("Consul refused the token; trying again with the one that is configured now")
	return true
}
