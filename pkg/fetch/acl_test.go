package fetch_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// What is denied is named, by check and by everything that needs the right.
func TestMissingRights(t *testing.T) {
	kafka := testenv.Kafka(
		t,
		testenv.KafkaProperty("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
		testenv.KafkaProperty("allow.everyone.if.no.acl.found", "true"),
	)
	topics := []string{"open", "seen", "hidden", "seen-dead", "open-dead"}
	for _, topic := range topics {
		kafka.CreateTopic(topic, 1)
	}
	// A resource with a rule denies what no rule allows.
	adm := kadm.NewClient(kafka.Client())
	for _, rule := range []*kadm.ACLBuilder{
		kadm.NewACLs().Topics("seen", "seen-dead").Allow("User:ANONYMOUS").AllowHosts().Operations(kmsg.ACLOperationDescribe),
		kadm.NewACLs().Topics("hidden").Allow("User:other").AllowHosts().Operations(kmsg.ACLOperationRead),
		kadm.NewACLs().Groups("closed").Allow("User:ANONYMOUS").AllowHosts().Operations(kmsg.ACLOperationDescribe),
	} {
		created, err := adm.CreateACLs(t.Context(), rule.ResourcePatternType(kadm.ACLPatternLiteral))
		require.NoError(t, err)
		for _, c := range created {
			require.NoError(t, c.Err)
		}
	}
	cfg := config(t, kafka.Addr(), "closed", "open", "seen", "hidden")
	cfg.SessionTimeout = 6 * time.Second
	c := newCluster(t, cfg)
	want := map[string]string{
		"topic open": "", "topic seen": "READ is denied", "topic hidden": "DESCRIBE is denied", "group closed": "READ is denied",
		"dead-letter topic seen-dead": "WRITE is denied", "dead-letter topic open-dead": "",
	}
	testenv.Eventually(t, within, "the rules to be in force", func() error {
		if f := find(c.Check(t.Context(), nil), "topic hidden"); f.OK {
			return context.DeadlineExceeded
		}
		return nil
	})
	findings := c.Check(t.Context(), []string{"seen-dead", "open-dead"})
	for name, detail := range want {
		f := find(findings, name)
		require.Equal(t, detail == "", f.OK, "%+v", f)
		if detail != "" {
			require.Equal(t, detail, f.Detail)
			require.Contains(t, f.Hint, "grant")
		}
	}

	r := read(t, cfg)
	r.Add(tp("seen", 0), from(0), 1)
	r.Add(tp("hidden", 0), from(0), 2)
	r.Add(tp("open", 0), from(0), 3)
	require.Equal(t, record.Unauthorized, r.waitError(1).Kind)
	require.Equal(t, record.Unauthorized, r.waitError(2).Kind)
	kafka.Produce("open", 1, 1, "a")
	r.waitNext(3, 1)

	n, err := newProducer(t, cfg).Produce(t.Context(), []record.DeadLetter{{Topic: "seen-dead"}})
	require.ErrorContains(t, err, "seen-dead")
	require.Zero(t, n)

	m := join(t, cfg)
	testenv.Eventually(t, within, "the problem", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !slices.Contains(m.problems, "kafka") {
			return context.DeadlineExceeded
		}
		return nil
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	require.Contains(t, m.detail, "is denied; grant it")
}

func find(findings []record.Finding, name string) record.Finding {
	for _, f := range findings {
		if f.Name == name {
			return f
		}
	}
	return record.Finding{Name: name + " is not among the findings"}
}
