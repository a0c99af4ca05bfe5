package fetch

import "github.com/twmb/franz-go/pkg/kgo"

// balancer is the cooperative sticky balancer under a name of its own. Under its usual name an ordinary
// consumer that happens to use the same group would be let in, take a share of the partitions, and the
// app would never see their records; so the brokers refuse whoever comes second, with a clear error.
type balancer struct{ kgo.GroupBalancer }

// ProtocolName implements kgo.GroupBalancer.
func (balancer) ProtocolName() string { return "kafka-sidecar-cooperative-sticky" }

func newBalancer() kgo.GroupBalancer { return balancer{kgo.CooperativeStickyBalancer()} }
