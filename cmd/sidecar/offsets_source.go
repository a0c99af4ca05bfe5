package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/imports"
)

// zookeeperTimeout bounds the reading of a source in ZooKeeper, which may not answer at all.
const zookeeperTimeout = 20 * time.Second

// source is where `offsets import` reads from.
type source struct {
	kind      string
	group     string
	path      string
	zookeeper string
	index     int
}

// sourceKind is what a kind of source needs and takes of the flags.
type sourceKind struct {
	name  string
	needs []string
	takes []string
	reads string // for people
}

func sourceKinds() []sourceKind {
	return []sourceKind{
		{"kafka-group", []string{"group"}, nil, "the offsets that a Kafka group has committed"},
		{imports.HighLevel, []string{"zookeeper", "group"}, []string{"path"}, "/consumers/<group>/offsets/<topic>/<partition>: the old high-level consumer"},
		{imports.Dibbhatt, []string{"zookeeper", "group"}, []string{"path"}, "the same place, written by dibbhatt's kafka-spark-consumer"},
		{imports.ZKString, []string{"zookeeper", "path", "topic"}, nil, `one znode "0:123,1:456", as streaming-offset-to-zk writes it`},
		{"spark-checkpoint", []string{"path"}, []string{"source-index"}, "the checkpoint folder of Spark Structured Streaming"},
		{imports.CSV, []string{"path"}, nil, "lines topic,partition,offset"},
		{imports.JSON, []string{"path"}, nil, `{"orders":{"0":23,"1":-2}} (-1 latest, -2 earliest)`},
	}
}

// sourceFlags are those that not every kind takes.
var sourceFlags = []string{"group", "path", "zookeeper", "source-index"}

func (s *source) register(cmd *cobra.Command) {
	var names []string
	for _, k := range sourceKinds() {
		names = append(names, k.name)
	}
	f := cmd.Flags()
	f.StringVar(&s.kind, "from", "", "`kind` of the source: "+oneOf(names))
	f.StringVar(&s.group, "group", "", "`group` at the source")
	f.StringVar(&s.path, "path", "", "`path` of the file, the checkpoint folder or the znode; with zookeeper and dibbhatt the folder of the groups (default /consumers)")
	f.StringVar(&s.zookeeper, "zookeeper", "", "`servers` of ZooKeeper: host:port[,host:port…][/chroot]")
	f.IntVar(&s.index, "source-index", -1, "number of the Kafka source in a checkpoint (default: the only one)")
}

// check wants the flags that the kind needs, and no others.
func (s *source) check(cmd *cobra.Command) error {
	var names []string
	for _, k := range sourceKinds() {
		names = append(names, k.name)
		if k.name != s.kind {
			continue
		}
		for _, flag := range k.needs {
			if !cmd.Flags().Changed(flag) {
				return fmt.Errorf("--from %s needs --%s", k.name, strings.Join(k.needs, " and --"))
			}
		}
		allowed := " " + strings.Join(append(k.needs, k.takes...), " ") + " "
		for _, flag := range sourceFlags {
			if cmd.Flags().Changed(flag) && !strings.Contains(allowed, " "+flag+" ") {
				return fmt.Errorf("--%s has no meaning with --from %s", flag, k.name)
			}
		}
		return nil
	}
	if s.kind == "" {
		return errors.New("it is not said what to import: add --from with " + oneOf(names))
	}
	return fmt.Errorf("--from must be %s (got %s)", oneOf(names), shown(s.kind))
}

// read reads the source; topic is the one that --topic names, "" = none or several.
func (s *source) read(ctx context.Context, d *desk, topic string) (imports.Offsets, error) {
	switch s.kind {
	case "kafka-group":
		return s.readGroup(ctx, d)
	case "spark-checkpoint":
		return imports.Checkpoint(s.path, s.index)
	case imports.CSV, imports.JSON:
		return readOffsetsFile(s.path, s.kind)
	}
	ctx, cancel := context.WithTimeout(ctx, zookeeperTimeout)
	defer cancel()
	return imports.ZooKeeper(ctx, imports.ZooKeeperSource{Connect: s.zookeeper, Kind: s.kind, Group: s.group, Topic: topic, Path: s.path})
}

func (s *source) readGroup(ctx context.Context, d *desk) (imports.Offsets, error) {
	g, err := d.cluster.GroupOffsets(ctx, s.group)
	if err != nil {
		return imports.Offsets{}, err
	}
	if len(g.Next) == 0 {
		return imports.Offsets{}, fmt.Errorf("the Kafka group %s has committed nothing: is it the right name, and are these its brokers?", s.group)
	}
	o := imports.Offsets{Next: g.Next}
	if g.Active() {
		o.Notes = append(o.Notes, fmt.Sprintf("the Kafka group %s is %s: it has members, which may commit again; stop them first", s.group, g.State))
	}
	return o, nil
}
