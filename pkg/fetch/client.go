package fetch

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	defaultClientID = "kafka-sidecar"

	// dialTimeout is shorter than the client's 10 s, so that a broker that swallows packets does not
	// use up a caller's whole deadline.
	dialTimeout = 5 * time.Second

	// metadataMinAge bounds how long a moved leader is not looked for. The client's default of 5 s
	// would add to every leader change.
	metadataMinAge = 500 * time.Millisecond

	keyOffsetCommit = 8
	keyOffsetFetch  = 9
)

// commonOptions are those of every client.
func commonOptions(cfg Config, what string) ([]kgo.Opt, error) {
	id := cfg.ClientID
	if id == "" {
		id = defaultClientID
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID(id),
		kgo.DialTimeout(dialTimeout),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.MetadataMaxAge(max(cfg.MetadataInterval, metadataMinAge)),
		kgo.WithLogger(newClientLog(cfg.Log, what)),
		kgo.DisableClientMetrics(),
	}
	switch {
	case cfg.Pace > 0:
		opts = append(opts, kgo.Dialer(paced(cfg)))
	case cfg.TLS != nil:
		opts = append(opts, kgo.DialTLSConfig(cfg.TLS))
	}
	mechanism, err := cfg.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

// mechanism is nil without authentication.
func (s SASL) mechanism() (sasl.Mechanism, error) {
	password := func() string {
		if s.Password == nil {
			return ""
		}
		return s.Password()
	}
	scramAuth := func(context.Context) (scram.Auth, error) {
		return scram.Auth{User: s.Username, Pass: password()}, nil
	}
	switch s.Mechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			return plain.Auth{User: s.Username, Pass: password()}, nil
		}), nil
	case "SCRAM-SHA-256":
		return scram.Sha256(scramAuth), nil
	case "SCRAM-SHA-512":
		return scram.Sha512(scramAuth), nil
	}
	return nil, fmt.Errorf("kafka.sasl.mechanism: must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (got %q)", s.Mechanism)
}

// isolation is the isolation level of fetches.
func (c Config) isolation() (kgo.IsolationLevel, error) {
	switch c.IsolationLevel {
	case "read_committed":
		return kgo.ReadCommitted(), nil
	case "read_uncommitted":
		return kgo.ReadUncommitted(), nil
	}
	return kgo.IsolationLevel{}, fmt.Errorf("kafka.isolation_level: must be read_committed or read_uncommitted (got %q)", c.IsolationLevel)
}

// offsetsByName keeps commits and fetches of group offsets at the last versions that name a topic by
// its name. Later ones carry the topic's id, and the client goes on using the id it saw first: after a
// topic was recreated every commit would be refused until the process restarts.
func offsetsByName() kgo.Opt {
	v := kversion.Stable()
	v.SetMaxKeyVersion(keyOffsetCommit, 9)
	v.SetMaxKeyVersion(keyOffsetFetch, 9)
	return kgo.MaxVersions(v)
}

// checked reports what the client would refuse, without starting one.
func checked(opts []kgo.Opt) ([]kgo.Opt, error) {
	if err := kgo.ValidateOpts(opts...); err != nil {
		return nil, fmt.Errorf("configure the Kafka client: %w", err)
	}
	return opts, nil
}
