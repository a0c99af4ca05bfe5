package offsets

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/hashicorp/consul/api"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Check tries everything that the store needs of Consul and leaves nothing behind: it reaches the
// agent, then creates, reads and deletes <prefix>/<group>/_check. A step that fails is the last
// one, and its hint names the ACL rule when that is what is missing.
func (c *Consul) Check(ctx context.Context) []record.Finding {
	key := CheckKey(c.cfg.Prefix, c.cfg.Group)
	value := []byte(rand.Text())
	var index uint64
	steps := []struct {
		name string
		do   func() (string, error)
	}{
		{"consul agent", func() (string, error) { return c.leader(ctx) }},
		{"consul create", func() (detail string, err error) {
			index, err = c.checkCreate(ctx, key, value)
			return "created " + key, err
		}},
		{"consul read", func() (string, error) { return "read " + key, c.checkRead(ctx, key, value) }},
		{"consul delete", func() (string, error) {
			ops := []*api.KVTxnOp{{Verb: api.KVDeleteCAS, Key: key, Index: index}}
			return "deleted " + key, c.writeError(c.txn(ctx, ops), ops)
		}},
	}
	var findings []record.Finding
	for _, step := range steps {
		detail, err := step.do()
		if err != nil {
			return append(findings, failed(step.name, err))
		}
		findings = append(findings, record.Finding{Name: step.name, OK: true, Detail: detail})
	}
	return findings
}

func (c *Consul) leader(ctx context.Context) (string, error) {
	var leader string
	r := c.call(ctx, func(q *api.QueryOptions) (r reply) {
		leader, r.err = c.client.Status().LeaderWithQueryOptions(q)
		return r
	})
	switch {
	case r.err != nil:
		return "", fmt.Errorf("reach %s: %w", c.addr, unavailable(r))
	case leader == "":
		return "", fmt.Errorf("reach %s: %w: the cluster has no leader", c.addr, record.ErrUnavailable)
	}
	return fmt.Sprintf("%s answers, the leader is %s", c.addr, leader), nil
}

// checkCreate takes over the key of a check that did not come to its end.
func (c *Consul) checkCreate(ctx context.Context, key string, value []byte) (uint64, error) {
	found, err := c.read(ctx, []string{key})
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", key, err)
	}
	indexes, err := c.cas(ctx, []*api.KVTxnOp{{Verb: api.KVCAS, Key: key, Value: value, Index: found[0].ModifyIndex}})
	if err != nil {
		return 0, fmt.Errorf("create %s: %w", key, err)
	}
	return indexes[0], nil
}

func (c *Consul) checkRead(ctx context.Context, key string, value []byte) error {
	found, err := c.read(ctx, []string{key})
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	if string(found[0].Value) != string(value) {
		return fmt.Errorf("read %s: %w", key, &record.StaleError{Stale: []int{0}})
	}
	return nil
}

// failed turns an error into a finding with something to do.
func failed(name string, err error) record.Finding {
	f := record.Finding{Name: name, Detail: err.Error()}
	var denied *record.DeniedError
	var stale *record.StaleError
	var invalid *record.InvalidError
	switch {
	case errors.As(err, &denied):
		f.Hint = "grant the token (offsets.consul.token or CONSUL_HTTP_TOKEN) the rule " + denied.Rule
	case errors.As(err, &stale):
		f.Hint = "another check runs at the same moment; run it again"
	case errors.As(err, &invalid):
		f.Hint = "check offsets.prefix, group and what stands between the sidecar and Consul"
	default:
		f.Hint = "check that Consul runs and that offsets.consul.address or CONSUL_HTTP_ADDR points to it"
	}
	return f
}
