package fetch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// The bits of a topic's authorized operations are numbered like the operations of access rules.
const (
	operationRead  = 3
	operationWrite = 4
)

// coordinatorWithin is how long Check waits for the brokers to have a coordinator for the group.
const coordinatorWithin = 5 * time.Second

// Check looks at everything the Kafka side needs: each broker, the topics and READ on them, READ on
// the group (none without a group) and the dead-letter topics and WRITE on them. It joins no group and
// writes nothing.
func (c *Cluster) Check(ctx context.Context, deadLetterTopics []string) []record.Finding {
	resp, err := c.metadata(ctx, append(slices.Clone(c.cfg.Topics), deadLetterTopics...), true)
	if err != nil {
		return []record.Finding{{
			Name: "kafka", Detail: err.Error(),
			Hint: "check kafka.brokers, kafka.tls and kafka.sasl, and that the brokers can be reached from here",
		}}
	}
	var findings []record.Finding
	for i := range resp.Brokers {
		findings = append(findings, c.checkBroker(ctx, &resp.Brokers[i]))
	}
	topics := map[string]*kmsg.MetadataResponseTopic{}
	for i := range resp.Topics {
		if t := &resp.Topics[i]; t.Topic != nil {
			topics[*t.Topic] = t
		}
	}
	for _, topic := range c.cfg.Topics {
		findings = append(findings, checkTopic("topic "+topic, topics[topic], operationRead, "READ"))
	}
	if c.cfg.Group != "" {
		findings = append(findings, c.checkGroup(ctx))
	}
	for _, topic := range deadLetterTopics {
		findings = append(findings, checkTopic("dead-letter topic "+topic, topics[topic], operationWrite, "WRITE"))
	}
	return findings
}

func (c *Cluster) checkBroker(ctx context.Context, b *kmsg.MetadataResponseBroker) record.Finding {
	addr := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	f := record.Finding{Name: fmt.Sprintf("broker %d", b.NodeID), Detail: addr}
	if _, err := c.client.Broker(int(b.NodeID)).Request(ctx, kmsg.NewPtrApiVersionsRequest()); err != nil {
		f.Detail = fmt.Sprintf("%s: %v", addr, err)
		f.Hint = "the brokers advertise this address; it must be reachable from here (advertised.listeners)"
		return f
	}
	f.OK = true
	return f
}

func checkTopic(name string, t *kmsg.MetadataResponseTopic, operation uint, right string) record.Finding {
	f := record.Finding{Name: name}
	if t == nil {
		f.Detail = errNoAnswer.Error()
		return f
	}
	switch err := kerr.ErrorForCode(t.ErrorCode); {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		f.Detail, f.Hint = "does not exist", "create it; the sidecar creates no topics"
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		f.Detail, f.Hint = "DESCRIBE is denied", fmt.Sprintf("grant %s on the topic to the user of the sidecar", right)
	case err != nil:
		f.Detail = err.Error()
	case t.AuthorizedOperations == math.MinInt32:
		f.OK, f.Detail = true, fmt.Sprintf("%d partitions; the brokers do not tell rights, %s is not checked", len(t.Partitions), right)
	case t.AuthorizedOperations&(1<<operation) == 0:
		f.Detail, f.Hint = right+" is denied", fmt.Sprintf("grant %s on the topic to the user of the sidecar", right)
	default:
		f.OK, f.Detail = true, fmt.Sprintf("%d partitions, %s granted", len(t.Partitions), right)
	}
	return f
}

// checkGroup sends a heartbeat of a member that does not exist: it needs READ on the group, as joining
// and committing do, and changes nothing. "Unknown member" is the good answer.
func (c *Cluster) checkGroup(ctx context.Context) record.Finding {
	f := record.Finding{Name: "group " + c.cfg.Group}
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = c.cfg.Group, "kafka-sidecar-check", 0
	err := c.heartbeat(ctx, req)
	switch {
	case err == nil, errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration),
		errors.Is(err, kerr.RebalanceInProgress), errors.Is(err, kerr.GroupIDNotFound):
		f.OK, f.Detail = true, "READ granted"
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		f.Detail, f.Hint = "READ is denied", "grant READ on the group to the user of the sidecar"
	default:
		f.Detail = err.Error()
	}
	return f
}

// heartbeat asks again while there is no coordinator: the brokers create their topic of group offsets
// when a group is first asked for.
func (c *Cluster) heartbeat(ctx context.Context, req *kmsg.HeartbeatRequest) error {
	ctx, cancel := context.WithTimeout(ctx, coordinatorWithin)
	defer cancel()
	tick := time.NewTicker(coordinatorWithin / 20)
	defer tick.Stop()
	for {
		resp, err := req.RequestWith(ctx, c.client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if !errors.Is(err, kerr.CoordinatorNotAvailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
