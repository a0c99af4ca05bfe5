package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Tools is a folder with the command-line tools of Kafka and Consul, under the names their users know: for the PATH of
// a test that runs the commands of a document.
func Tools(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	jars, err := KafkaClasspath()
	if err != nil {
		t.Fatal(err)
	}
	consul, err := ConsulPath()
	if err != nil {
		t.Fatal(err)
	}
	for name, class := range map[string]string{
		"kafka-topics.sh":           "org.apache.kafka.tools.TopicCommand",
		"kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer",
		"kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
	} {
		script := fmt.Sprintf("#!/bin/sh\nexec java -Xmx256m -XX:TieredStopAtLevel=1 -cp '%s' %s \"$@\"\n", jars, class)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(consul, filepath.Join(dir, "consul")); err != nil {
		t.Fatal(err)
	}
	return dir
}
