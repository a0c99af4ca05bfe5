package offsets

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/consul/api"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/layout"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// ConsulPrefix is all groups under a prefix. Make it with NewConsulPrefix.
type ConsulPrefix struct{ root *Consul }

// NewConsulPrefix is NewConsul for all groups under cfg.Prefix; cfg.Group is not looked at.
func NewConsulPrefix(cfg ConsulConfig) (*ConsulPrefix, error) {
	cfg.Group = ""
	c, err := newConsul(cfg)
	if err != nil {
		return nil, err
	}
	c.folder = cfg.Prefix + "/"
	return &ConsulPrefix{c}, nil
}

// Group is the store of one group. All share the connections, and Close of one is that of all.
func (p *ConsulPrefix) Group(name string) *Consul {
	cfg := p.root.cfg
	cfg.Group = name
	return &Consul{
		cfg: cfg, folder: layout.Folder(cfg.Prefix, name), addr: p.root.addr,
		client: p.root.client, http: p.root.http, tokens: p.root.tokens,
	}
}

// Groups is that of Consul.
func (p *ConsulPrefix) Groups(ctx context.Context) ([]record.Group, error) { return p.root.Groups(ctx) }

// Location says for people where the groups are, without secrets.
func (p *ConsulPrefix) Location() string { return p.root.Location() }

// Close is that of Consul.
func (p *ConsulPrefix) Close() error { return p.root.Close() }

// Groups reads all groups under the prefix, in the order of their names. Consul leaves out what the token may not read, without a word; a
// token that may not list the whole prefix gets its own group. It is one request, and one for each topic. Errors: *record.DeniedError, or one
// that wraps record.ErrUnavailable.
func (c *Consul) Groups(ctx context.Context) ([]record.Group, error) {
	root := c.cfg.Prefix + "/"
	names, err := c.names(ctx, root)
	var denied *record.DeniedError
	if errors.As(err, &denied) && c.folder != root {
		names, err = c.names(ctx, c.folder)
	}
	if err != nil {
		return nil, err
	}
	folders := map[string][]string{}
	for _, name := range names {
		segment, rest, _ := strings.Cut(strings.TrimPrefix(name, root), "/")
		folders[segment] = append(folders[segment], rest)
	}
	var groups []record.Group
	for _, segment := range slices.Sorted(maps.Keys(folders)) {
		group, err := layout.Unescape(segment)
		if err != nil || group == "" {
			continue // not written by a sidecar
		}
		topics, err := c.tracked(ctx, layout.Folder(c.cfg.Prefix, group), folders[segment])
		if err != nil {
			return nil, err
		}
		if len(topics) > 0 {
			groups = append(groups, record.Group{Name: group, Topics: topics})
		}
	}
	slices.SortFunc(groups, func(a, b record.Group) int { return strings.Compare(a.Name, b.Name) })
	return groups, nil
}

// Tracked reads all topics of the group, in the order of their names. It is one request, and one for each topic. Errors are those of Groups.
func (c *Consul) Tracked(ctx context.Context) ([]record.Tracked, error) {
	names, err := c.names(ctx, c.folder)
	if err != nil {
		return nil, err
	}
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], c.folder)
	}
	return c.tracked(ctx, c.folder, names)
}

// names are the keys below a folder.
func (c *Consul) names(ctx context.Context, folder string) ([]string, error) {
	var names []string
	r := c.call(ctx, func(q *api.QueryOptions) reply {
		var err error
		names, _, err = c.client.KV().Keys(folder, "", q)
		return reply{ok: err == nil, err: err}
	})
	if err := c.readError(r, []string{folder}); err != nil {
		return nil, fmt.Errorf("list %s: %w", folder, err)
	}
	return names, nil
}

// tracked reads the documents of a group by the names in its folder, topic by topic: the operators' log, which may be larger, is not read.
func (c *Consul) tracked(ctx context.Context, folder string, names []string) ([]record.Tracked, error) {
	topics := map[string]bool{}
	for _, name := range names {
		if p, ok := layout.ParseName(name); ok {
			topics[p.Topic] = true
		}
	}
	rows := map[string]layout.Row{}
	for topic := range topics {
		below := folder + topic + "/"
		pairs, r := c.list(ctx, below)
		if err := c.readError(r, []string{below}); err != nil {
			return nil, fmt.Errorf("read %s: %w", below, err)
		}
		for _, pair := range pairs {
			rows[strings.TrimPrefix(pair.Key, folder)] = layout.Row{Index: pair.ModifyIndex, Value: pair.Value}
		}
	}
	return layout.Tracked(rows, folder), nil
}
