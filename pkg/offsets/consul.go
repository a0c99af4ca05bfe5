package offsets

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/consul/api"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/layout"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Consul keeps offsets in Consul's KV store. Make it with NewConsul.
type Consul struct {
	cfg    ConsulConfig
	folder string // <prefix>/<escaped group>/
	addr   string // for people
	client *api.Client
	http   *http.Client
	tokens *tokens

	// keyByKey is set once the server turned out to be too old for get-or-empty.
	keyByKey atomic.Bool
}

// NewConsul checks the configuration and reads the TLS files; it calls nobody. Errors are errors
// of the configuration.
func NewConsul(cfg ConsulConfig) (*Consul, error) {
	if cfg.Group == "" {
		return nil, fmt.Errorf("group: must not be empty")
	}
	return newConsul(cfg)
}

func newConsul(cfg ConsulConfig) (*Consul, error) {
	if err := layout.CheckPrefix(cfg.Prefix); err != nil {
		return nil, fmt.Errorf("offsets.prefix: %w", err)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultConsulConfig().Timeout
	}
	client, httpClient, tokens, err := newClient(cfg)
	if err != nil {
		return nil, fmt.Errorf("offsets.consul: %w", err)
	}
	return &Consul{
		cfg: cfg, folder: layout.Folder(cfg.Prefix, cfg.Group), addr: address(cfg),
		client: client, http: httpClient, tokens: tokens,
	}, nil
}

// Kind is the word for the store in the status: "consul".
func (c *Consul) Kind() string { return "consul" }

// Location says for people where the offsets are, without secrets.
func (c *Consul) Location() string { return c.addr + " under " + strings.TrimSuffix(c.folder, "/") }

// Close gives idle connections back. It may be called twice; a later call of another method
// connects again.
func (c *Consul) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Topic reads a topic's document; Index 0 = absent. Errors: *record.BadKeyError,
// *record.DeniedError, *record.InvalidError, or one that wraps record.ErrUnavailable.
func (c *Consul) Topic(ctx context.Context, topic string) (record.Topic, error) {
	if err := layout.CheckTopic(topic); err != nil {
		return record.Topic{}, err
	}
	key := c.folder + layout.TopicName(topic)
	found, err := c.read(ctx, []string{key})
	if err != nil {
		return record.Topic{}, fmt.Errorf("read %s: %w", key, err)
	}
	if found[0].ModifyIndex == 0 {
		return record.Topic{Name: topic}, nil
	}
	return layout.DecodeTopic(topic, key, found[0].Value, found[0].ModifyIndex)
}

// Entries reads partitions' documents in the order asked, with Consul's consistent mode; Index 0 =
// absent, Bad set = there but not usable. Errors: *record.DeniedError, *record.InvalidError, or one
// that wraps record.ErrUnavailable.
func (c *Consul) Entries(ctx context.Context, parts []record.TopicPartition) ([]record.Entry, error) {
	if err := layout.CheckParts(parts); err != nil || len(parts) == 0 {
		return nil, err
	}
	keys := make([]string, len(parts))
	for i, p := range parts {
		keys[i] = c.folder + layout.EntryName(p)
	}
	found, err := c.read(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", some(keys), err)
	}
	entries := make([]record.Entry, len(parts))
	for i, pair := range found {
		if pair.ModifyIndex == 0 {
			entries[i] = record.Entry{TopicPartition: parts[i]}
			continue
		}
		entries[i] = layout.DecodeEntry(parts[i], keys[i], pair.Value, pair.ModifyIndex)
	}
	return entries, nil
}

// Write applies all writes in one transaction or none, and returns the new ModifyIndex of each.
// Errors: *record.StaleError, *record.DeniedError, *record.InvalidError, or one that wraps
// record.ErrUnavailable or record.ErrOutcomeUnknown.
func (c *Consul) Write(ctx context.Context, writes []record.Write) ([]uint64, error) {
	puts, err := layout.Encode(c.cfg.Group, writes)
	if err != nil || len(puts) == 0 {
		return nil, err
	}
	ops := make([]*api.KVTxnOp, len(puts))
	keys := make([]string, len(puts))
	for i, p := range puts {
		keys[i] = c.folder + p.Name
		ops[i] = &api.KVTxnOp{Verb: api.KVCAS, Key: keys[i], Value: p.Value, Index: p.Index}
		if p.Delete {
			ops[i] = &api.KVTxnOp{Verb: api.KVDeleteCAS, Key: keys[i], Index: p.Index}
		}
	}
	indexes, err := c.cas(ctx, ops)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", some(keys), err)
	}
	return indexes, nil
}

// Audits reads the operators' log, the oldest line first. Lines that can't be decoded are left out. Errors: *record.DeniedError, or one
// that wraps record.ErrUnavailable.
func (c *Consul) Audits(ctx context.Context) ([]record.Audit, error) {
	folder := c.folder + layout.AuditFolder
	pairs, r := c.list(ctx, folder)
	if err := c.readError(r, []string{folder}); err != nil {
		return nil, fmt.Errorf("read %s: %w", folder, err)
	}
	var lines []record.Audit
	for _, pair := range pairs { // Consul sorts them
		if a, ok := layout.DecodeAudit(pair.Value, pair.ModifyIndex); ok && c.folder+layout.AuditName(a) == pair.Key {
			lines = append(lines, a)
		}
	}
	return lines, nil
}

// cas sends compare-and-sets as one transaction and returns the new version of each key. Results come for keys that are set, in order.
func (c *Consul) cas(ctx context.Context, ops []*api.KVTxnOp) ([]uint64, error) {
	r := c.txn(ctx, ops)
	if err := c.writeError(r, ops); err != nil {
		return nil, err
	}
	indexes := make([]uint64, len(ops))
	rest := r.results
	for i, op := range ops {
		if op.Verb == api.KVDeleteCAS {
			continue
		}
		if len(rest) == 0 || rest[0].KV == nil || rest[0].KV.Key != op.Key || rest[0].KV.ModifyIndex == 0 {
			return nil, fmt.Errorf("%w: the answer holds no version of %s", record.ErrOutcomeUnknown, op.Key)
		}
		indexes[i], rest = rest[0].KV.ModifyIndex, rest[1:]
	}
	return indexes, nil
}

// read gets keys in the order asked; ModifyIndex 0 = absent.
//
// One transaction of get-or-empty tells all cases apart: a key that is absent comes back empty, a
// key that the ACLs hide is left out of an answer that is otherwise a success. (A plain get can't:
// hidden and absent both read "doesn't exist".)
func (c *Consul) read(ctx context.Context, keys []string) ([]*api.KVPair, error) {
	if c.keyByKey.Load() {
		return c.readEach(ctx, keys)
	}
	ops := make([]*api.KVTxnOp, len(keys))
	for i, key := range keys {
		ops[i] = &api.KVTxnOp{Verb: api.KVGetOrEmpty, Key: key}
	}
	r := c.txn(ctx, ops)
	if r.unknownVerb() {
		c.keyByKey.Store(true)
		return c.readEach(ctx, keys)
	}
	if err := c.readError(r, keys); err != nil {
		return nil, err
	}
	at := make(map[string]*api.KVPair, len(keys))
	for _, result := range r.results {
		if result.KV != nil {
			at[result.KV.Key] = result.KV
		}
	}
	found := make([]*api.KVPair, len(keys))
	for i, key := range keys {
		if found[i] = at[key]; found[i] == nil {
			return nil, c.denied(key)
		}
	}
	return found, nil
}

// readEach is read for servers before 1.14, which lack get-or-empty: a GET of a key answers 404
// when it is absent and 403 when it is denied.
func (c *Consul) readEach(ctx context.Context, keys []string) ([]*api.KVPair, error) {
	found := make([]*api.KVPair, len(keys))
	for i, key := range keys {
		pair, r := c.get(ctx, key)
		if err := c.readError(r, keys[i:i+1]); err != nil {
			return nil, err
		}
		if pair == nil {
			pair = &api.KVPair{Key: key}
		}
		found[i] = pair
	}
	return found, nil
}

// some names keys in an error without listing 64 of them.
func some(keys []string) string {
	if len(keys) == 1 {
		return keys[0]
	}
	return fmt.Sprintf("%s and %d more", keys[0], len(keys)-1)
}

// address is where the agent is, for people: the effective address without a password.
func address(cfg ConsulConfig) string {
	conf := api.DefaultConfig()
	addr, scheme := conf.Address, conf.Scheme
	if cfg.Address != "" {
		addr = cfg.Address
	}
	if cfg.Scheme != "" {
		scheme = cfg.Scheme
	} else if cfg.TLS.Enabled {
		scheme = "https"
	}
	if !strings.Contains(addr, "://") {
		addr = scheme + "://" + addr
	}
	if u, err := url.Parse(addr); err == nil {
		return u.Redacted()
	}
	return scheme + "://…"
}
