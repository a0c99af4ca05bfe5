package imports

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/go-zookeeper/zk"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// The layouts that ZooKeeper reads.
const (
	// HighLevel is <path>/<group>/offsets/<topic>/<partition>, the next offset as decimal text: the old high-level consumer and
	// tools that commit to its place.
	HighLevel = "zookeeper"
	// Dibbhatt is the same place, written by dibbhatt's kafka-spark-consumer: the last processed offset.
	Dibbhatt = "dibbhatt"
	// ZKString is one znode "0:123,1:456" of next offsets, as streaming-offset-to-zk writes it.
	ZKString = "zk-string"
)

// consumersPath is where groups are unless the job was told otherwise.
const consumersPath = "/consumers"

// ZooKeeperSource is where in ZooKeeper the offsets are.
type ZooKeeperSource struct {
	// Connect is a connection string as Kafka's zookeeper.connect: host:port[,host:port…][/chroot]. Default port: 2181.
	Connect string
	Kind    string // HighLevel, Dibbhatt or ZKString
	Group   string // of HighLevel; kafka.consumer.id of Dibbhatt
	Topic   string // "" = all of the group; needed with ZKString
	Path    string // the folder of the groups, "" = /consumers; with ZKString the znode
}

// check is nil when the source says all that its kind needs.
func (s ZooKeeperSource) check() error {
	var problems []error
	switch s.Kind {
	case HighLevel, Dibbhatt:
		if s.Group == "" || strings.Contains(s.Group, "/") {
			problems = append(problems, fmt.Errorf("%s needs the name of the group (got %s)", s.Kind, shown(s.Group)))
		}
	case ZKString:
		if s.Path == "" || s.Topic == "" {
			problems = append(problems, fmt.Errorf("%s needs the path of the znode and the topic (got %s and %s)", s.Kind, shown(s.Path), shown(s.Topic)))
		}
	default:
		problems = append(problems, fmt.Errorf("the kind must be %s, %s or %s (got %s)", HighLevel, Dibbhatt, ZKString, shown(s.Kind)))
	}
	if s.Topic != "" {
		problems = append(problems, checkTopic(s.Topic))
	}
	if s.Path != "" && !strings.HasPrefix(s.Path, "/") {
		problems = append(problems, fmt.Errorf("the path must begin with / (got %s)", shown(s.Path)))
	}
	return errors.Join(problems...)
}

// ZooKeeper reads the offsets that a consumer has kept in ZooKeeper. It tries once, within ctx; a server that does not answer
// costs the whole of it. The consumer has to be stopped, else it moves on.
//
// HighLevel and Dibbhatt share a place and differ by one: each is refused where it finds the signs, or misses those, of
// the other.
func ZooKeeper(ctx context.Context, source ZooKeeperSource) (Offsets, error) {
	if err := source.check(); err != nil {
		return Offsets{}, err
	}
	s, err := connect(ctx, source.Connect)
	if err != nil {
		return Offsets{}, err
	}
	defer s.close()
	if err := s.sync(); err != nil {
		return Offsets{}, err
	}
	o := newOffsets()
	switch source.Kind {
	case ZKString:
		err = o.addZnode(s, path.Clean(source.Path), source.Topic)
	case Dibbhatt:
		err = o.addDibbhatt(s, source)
	default:
		err = o.addHighLevel(s, source)
	}
	if err != nil {
		return Offsets{}, err
	}
	return o.complete()
}

// addZnode adds the partitions of one topic in one znode.
func (o *Offsets) addZnode(s *session, znode, topic string) error {
	text, err := s.text(znode)
	if err != nil {
		return err
	}
	for i, pair := range strings.Split(text, ",") {
		number, value, ok := strings.Cut(pair, ":")
		if !ok {
			return fmt.Errorf("%s: entry %d: %s instead of partition:offset", znode, i+1, shown(pair))
		}
		partition, err := parsePartition(strings.TrimSpace(number))
		if err != nil {
			return fmt.Errorf("%s: entry %d: %w", znode, i+1, err)
		}
		offset, err := parseOffset(strings.TrimSpace(value), 0)
		if err != nil {
			return fmt.Errorf("%s: entry %d: %w", znode, i+1, err)
		}
		if err := o.put(record.TopicPartition{Topic: topic, Partition: partition}, offset); err != nil {
			return fmt.Errorf("%s: entry %d: %w", znode, i+1, err)
		}
	}
	return nil
}

// group is the folder of the group, when it is there.
func (s *session) group(source ZooKeeperSource) (string, error) {
	groups := source.Path
	if groups == "" {
		groups = consumersPath
	}
	folder := path.Join(groups, source.Group)
	there, err := s.exists(folder)
	if err != nil || there {
		return folder, err
	}
	known, err := s.children(groups)
	if errors.Is(err, zk.ErrNoNode) {
		return "", fmt.Errorf("%s does not exist in ZooKeeper: is the chroot or the path right?", groups)
	}
	if err != nil {
		return "", err
	}
	return "", fmt.Errorf("%s has no group %s, but %s", groups, shown(source.Group), listed(known))
}

// addHighLevel adds what the old high-level consumer keeps.
func (o *Offsets) addHighLevel(s *session, source ZooKeeperSource) error {
	folder, err := s.group(source)
	if err != nil {
		return err
	}
	sign, err := s.dibbhattSign(folder)
	if err != nil {
		return err
	}
	if sign != "" {
		return fmt.Errorf("%s was written by dibbhatt's kafka-spark-consumer (%s), which keeps the last processed offset: use the kind %s", folder, sign, Dibbhatt)
	}
	if err := o.addTopics(s, folder+"/offsets", source.Topic, 0); err != nil {
		return err
	}
	members, err := s.children(folder + "/ids")
	if errors.Is(err, zk.ErrNoNode) {
		return nil // a tool that only commits registers nobody
	}
	if err == nil && len(members) > 0 {
		o.note("%s: consumers are registered (%s): stop them first, or the offsets move on", folder, listed(members))
	}
	return err
}

// addDibbhatt adds what kafka-spark-consumer keeps. Older versions keep two numbers: in processed/ the last processed offset,
// in offsets/ where they go on to fetch, which is ahead of it; what lies between would be lost.
func (o *Offsets) addDibbhatt(s *session, source ZooKeeperSource) error {
	folder, err := s.group(source)
	if err != nil {
		return err
	}
	sign, err := s.dibbhattSign(folder)
	if err != nil {
		return err
	}
	if sign == "" {
		return fmt.Errorf("%s has no sign of dibbhatt's kafka-spark-consumer (ids/Receiver-*, newrate, processed): use the kind %s, which takes the offsets as they are", folder, HighLevel)
	}
	older, err := s.exists(folder + "/processed")
	if err != nil {
		return err
	}
	if !older {
		return o.addTopics(s, folder+"/offsets", source.Topic, 1)
	}
	o.note("%s: an older kafka-spark-consumer wrote it: what it processed is in processed/, offsets/ is what it had fetched and is not used", folder)
	return o.addTopics(s, folder+"/processed", source.Topic, 1)
}

// addTopics adds the partitions below a folder, of one topic or all; above is added to each value.
func (o *Offsets) addTopics(s *session, folder, topic string, above int64) error {
	topics, err := s.children(folder)
	if errors.Is(err, zk.ErrNoNode) {
		return fmt.Errorf("%s does not exist in ZooKeeper: the group has committed nothing there", folder)
	}
	if err != nil {
		return err
	}
	if topic != "" {
		if !slices.Contains(topics, topic) {
			return fmt.Errorf("%s has no topic %s, but %s", folder, shown(topic), listed(topics))
		}
		topics = []string{topic}
	}
	for _, topic := range topics {
		if err := checkTopic(topic); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		if err := o.addPartitions(s, folder+"/"+topic, topic, above); err != nil {
			return err
		}
	}
	return nil
}

func (o *Offsets) addPartitions(s *session, folder, topic string, above int64) error {
	partitions, err := s.children(folder)
	if err != nil {
		return err
	}
	for _, name := range partitions {
		partition, err := parsePartition(name)
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		znode := folder + "/" + name
		text, err := s.text(znode)
		if err != nil {
			return err
		}
		value, err := parseOffset(text, 0)
		if err != nil {
			return fmt.Errorf("%s: %w", znode, err)
		}
		if value > math.MaxInt64-above {
			return fmt.Errorf("%s: %d is the largest offset there is, nothing comes after it", znode, value)
		}
		if err := o.put(record.TopicPartition{Topic: topic, Partition: partition}, value+above); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	return nil
}

// dibbhattSign is what shows that kafka-spark-consumer wrote a group's folder, "" without. Its nodes outlive it.
func (s *session) dibbhattSign(folder string) (string, error) {
	for _, name := range []string{"newrate", "processed"} {
		if there, err := s.exists(folder + "/" + name); err != nil || there {
			return folder + "/" + name, err
		}
	}
	ids, err := s.childrenIfAny(folder + "/ids")
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		if isReceiver(id) {
			return folder + "/ids/" + id, nil
		}
		// It keeps its receivers by topic; the ids of consumers have no children.
		below, err := s.childrenIfAny(folder + "/ids/" + id)
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(below, isReceiver); i >= 0 {
			return folder + "/ids/" + id + "/" + below[i], nil
		}
	}
	return "", nil
}

func isReceiver(name string) bool { return strings.HasPrefix(name, "Receiver-") }

// listed are names for a message: the first ten.
func listed(names []string) string {
	const most = 10
	switch {
	case len(names) == 0:
		return "none at all"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
