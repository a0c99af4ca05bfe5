package testenv

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
)

// ForbidTopic takes the right to read a topic from every client, until PermitTopic; writing goes on. Needs KafkaACL.
func (b *brokers) ForbidTopic(topic string) {
	b.t.Helper()
	b.forbid(topic, func() *kadm.ACLBuilder { return kadm.NewACLs().Topics(topic) })
}

// PermitTopic gives the right back.
func (b *brokers) PermitTopic(topic string) {
	b.t.Helper()
	b.permit(topic, kadm.NewACLs().Topics(topic))
}

// ForbidGroup takes the right to be a member of a consumer group from every client, until PermitGroup. Needs KafkaACL.
func (b *brokers) ForbidGroup(group string) {
	b.t.Helper()
	b.forbid(group, func() *kadm.ACLBuilder { return kadm.NewACLs().Groups(group) })
}

// PermitGroup gives the right back.
func (b *brokers) PermitGroup(group string) {
	b.t.Helper()
	b.permit(group, kadm.NewACLs().Groups(group))
}

// forbid denies reading and allows everything else: a first rule takes what is allowed without any away.
func (b *brokers) forbid(name string, on func() *kadm.ACLBuilder) {
	b.t.Helper()
	const everybody = "User:*"
	b.admin("forbid "+name, func(ctx context.Context, adm *kadm.Client) error {
		for _, rule := range []*kadm.ACLBuilder{
			on().Allow(everybody).AllowHosts().Operations(kadm.OpAll),
			on().Deny(everybody).DenyHosts().Operations(kadm.OpRead),
		} {
			created, err := adm.CreateACLs(ctx, rule.ResourcePatternType(kadm.ACLPatternLiteral))
			if err != nil {
				return err
			}
			for _, result := range created {
				if result.Err != nil {
					return result.Err
				}
			}
		}
		return nil
	})
}

// permit removes all rules.
func (b *brokers) permit(name string, on *kadm.ACLBuilder) {
	b.t.Helper()
	b.admin("permit "+name, func(ctx context.Context, adm *kadm.Client) error {
		all := on.Allow().AllowHosts().Deny().DenyHosts().Operations().ResourcePatternType(kadm.ACLPatternLiteral)
		deleted, err := adm.DeleteACLs(ctx, all)
		if err != nil {
			return err
		}
		for _, result := range deleted {
			if result.Err != nil {
				return result.Err
			}
		}
		return nil
	})
}
