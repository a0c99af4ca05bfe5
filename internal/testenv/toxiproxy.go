package testenv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ToxiproxyServer is one process with any number of TCP proxies, each of which can be made to fail.
type ToxiproxyServer struct {
	*server
	http *http.Client
	made int // proxies
}

// Toxiproxy starts a server of the test's own and ends it with the test.
func Toxiproxy(t testing.TB) *ToxiproxyServer {
	t.Helper()
	path, err := ToxiproxyPath()
	if err != nil {
		t.Fatal(err)
	}
	s, err := inTries(func(int) (*ToxiproxyServer, error) { return tryToxiproxy(t.TempDir(), path) })
	if err != nil {
		t.Fatal(err)
	}
	s.server.t = t
	t.Cleanup(func() {
		s.printOnFailure(t)
		s.Kill()
	})
	return s
}

func tryToxiproxy(dir, path string) (*ToxiproxyServer, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	addr := loopback(ports[0])
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	s := &ToxiproxyServer{http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	proc := &process{
		name: "toxiproxy " + addr, output: filepath.Join(dir, "output.log"), dir: dir,
		argv: []string{path, "-host", host, "-port", port}, env: []string{"LOG_LEVEL=error"},
	}
	s.server = &server{proc: proc, addr: addr, ready: s.isReady}
	if err := proc.startReady(startWithin, s.isReady); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *ToxiproxyServer) isReady() error { return s.call(http.MethodGet, "/version", nil) }

// call sends a request to the HTTP API; a nil body is none.
func (s *ToxiproxyServer) call(method, path string, body any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequest(method, "http://"+s.addr+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: toxiproxy answered %d: %s", method, path, resp.StatusCode, strings.TrimSpace(string(answer)))
	}
	return nil
}

// Proxy is one TCP proxy. Its faults add up until Heal. Not for concurrent use.
type Proxy struct {
	server *ToxiproxyServer
	name   string
	addr   string
	toxics []string // names of those in force
}

// Proxy makes a proxy on a port of its own that passes everything on to upstream ("127.0.0.1:port"), which need not listen
// yet.
func (s *ToxiproxyServer) Proxy(upstream string) *Proxy {
	s.t.Helper()
	s.made++
	name := fmt.Sprintf("%d-to-%s", s.made, upstream)
	p, err := inTries(func(int) (*Proxy, error) {
		p := &Proxy{server: s, name: name, addr: FreeAddr(s.t)}
		return p, s.call(http.MethodPost, "/proxies", map[string]any{
			"name": name, "listen": p.addr, "upstream": upstream, "enabled": true,
		})
	})
	if err != nil {
		s.t.Fatalf("make proxy %s: %v", name, err)
	}
	return p
}

// Addr is where clients connect: "127.0.0.1:port".
func (p *Proxy) Addr() string { return p.addr }

// Cut closes all connections and refuses new ones, until Heal.
func (p *Proxy) Cut() {
	p.server.t.Helper()
	p.post("cut", "", map[string]any{"enabled": false})
}

// Latency delays what comes from the upstream by delay, give or take jitter.
func (p *Proxy) Latency(delay, jitter time.Duration) {
	p.server.t.Helper()
	p.toxic("downstream", "latency", map[string]any{"latency": delay.Milliseconds(), "jitter": jitter.Milliseconds()})
}

// Bandwidth limits each connection, each way, to kilobytes per second.
func (p *Proxy) Bandwidth(kilobytes int) {
	p.server.t.Helper()
	p.toxic("downstream", "bandwidth", map[string]any{"rate": kilobytes})
	p.toxic("upstream", "bandwidth", map[string]any{"rate": kilobytes})
}

// Reset ends every connection in place of the next answer, after the time given: new ones with a TCP reset, those that are open
// already with an ordinary close.
func (p *Proxy) Reset(after time.Duration) {
	p.server.t.Helper()
	p.toxic("downstream", "reset_peer", map[string]any{"timeout": after.Milliseconds()})
}

// HalfOpen lets connections be made and stay open while nothing passes in either direction, as when a firewall drops packets.
// What is sent meanwhile is lost; Heal closes these connections.
func (p *Proxy) HalfOpen() {
	p.server.t.Helper()
	p.toxic("downstream", "timeout", map[string]any{"timeout": 0})
	p.toxic("upstream", "timeout", map[string]any{"timeout": 0})
}

// Heal ends all faults.
func (p *Proxy) Heal() {
	p.server.t.Helper()
	for _, toxic := range p.toxics {
		if err := p.server.call(http.MethodDelete, "/proxies/"+p.name+"/toxics/"+toxic, nil); err != nil {
			p.server.t.Fatalf("heal proxy %s: %v", p.name, err)
		}
	}
	p.toxics = nil
	p.post("heal", "", map[string]any{"enabled": true})
}

func (p *Proxy) toxic(stream, kind string, attributes map[string]any) {
	p.server.t.Helper()
	name := fmt.Sprintf("%s-%s-%d", kind, stream, len(p.toxics))
	p.post(kind, "/toxics", map[string]any{"name": name, "type": kind, "stream": stream, "attributes": attributes})
	p.toxics = append(p.toxics, name)
}

func (p *Proxy) post(what, path string, body any) {
	p.server.t.Helper()
	if err := p.server.call(http.MethodPost, "/proxies/"+p.name+path, body); err != nil {
		p.server.t.Fatalf("%s on proxy %s: %v", what, p.name, err)
	}
}
