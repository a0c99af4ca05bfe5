package fetch

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// retryWithin is how long the client tries one question. It is shorter than the engine's deadlines so
// that the error says what is wrong (connection refused) and not only that time ran out.
const retryWithin = 4 * time.Second

// freshFor is how long the client may take the leaders of partitions from its cache, the shortest it
// allows: a partition added a moment ago must be found.
const freshFor = 10 * time.Millisecond

// Cluster answers questions about topics and their logs. It is safe for concurrent use.
type Cluster struct {
	cfg    Config
	client *kgo.Client
}

// NewCluster makes the client; brokers are called only by the methods. Close it.
func NewCluster(cfg Config) (*Cluster, error) {
	if _, err := cfg.isolation(); err != nil {
		return nil, err
	}
	opts, err := commonOptions(cfg, "cluster")
	if err != nil {
		return nil, err
	}
	if opts, err = checked(append(opts, offsetsByName(), kgo.RetryTimeout(retryWithin), kgo.MetadataMinAge(freshFor))); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("start the cluster client: %w", err)
	}
	return &Cluster{cfg: cfg, client: client}, nil
}

// Close ends the connections; calls in progress fail.
func (c *Cluster) Close() { c.client.Close() }

// Topics asks the brokers for the topics, never a cache. A topic they do not know is Missing; any other
// error of a topic is in its view. It creates no topic.
func (c *Cluster) Topics(ctx context.Context, topics []string) (record.ClusterView, error) {
	resp, err := c.metadata(ctx, topics, false)
	if err != nil {
		return record.ClusterView{}, err
	}
	view := record.ClusterView{Topics: make(map[string]record.TopicView, len(topics))}
	if resp.ClusterID != nil {
		view.ClusterID = *resp.ClusterID
	}
	for i := range resp.Topics {
		if t := &resp.Topics[i]; t.Topic != nil {
			view.Topics[*t.Topic] = topicView(t)
		}
	}
	for _, topic := range topics {
		if _, ok := view.Topics[topic]; !ok {
			view.Topics[topic] = record.TopicView{Err: errors.New("the broker did not answer for this topic")}
		}
	}
	return view, nil
}

// metadata asks for exactly these topics, none if there are none.
func (c *Cluster) metadata(ctx context.Context, topics []string, rights bool) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.IncludeTopicAuthorizedOperations = rights
	req.Topics = []kmsg.MetadataRequestTopic{} // nil would be all of them
	unique := slices.Compact(slices.Sorted(slices.Values(topics)))
	for _, topic := range unique {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &topic
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return nil, fmt.Errorf("ask for the topics: %w", err)
	}
	return resp, nil
}

func topicView(t *kmsg.MetadataResponseTopic) record.TopicView {
	err := kerr.ErrorForCode(t.ErrorCode)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return record.TopicView{Missing: true}
	}
	v := record.TopicView{ID: topicID(t.TopicID), Partitions: int32(len(t.Partitions)), Err: err}
	for i := range t.Partitions {
		if p := &t.Partitions[i]; p.Leader < 0 || p.ErrorCode == kerr.LeaderNotAvailable.Code {
			v.Leaderless = append(v.Leaderless, p.Partition)
		}
	}
	slices.Sort(v.Leaderless)
	return v
}

// topicID is an id as Kafka prints it; "" when there is none.
func topicID(id [16]byte) string {
	if id == ([16]byte{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}
