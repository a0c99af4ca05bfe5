package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

func TestConfigurationErrorsExit2(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		says []string
	}{
		{"nothing set", []string{"run"}, []string{"group", "kafka.topics"}},
		{"all problems at once", []string{"run", "--set", "group=g", "--set", "kafka.topics=t", "--set", "deliver.lanes=-1", "--set", "start=never"}, []string{"deliver.lanes", "start"}},
		{"unknown key", []string{"run", "--set", "group=g", "--set", "kafka.topics=t", "--set", "deliver.lane=2"}, []string{"deliver.lane"}},
		{"drain above the rebalance time-out", []string{"run", "--set", "group=g", "--set", "kafka.topics=t", "--set", "deliver.drain=59s"}, []string{"deliver.drain"}},
		{"unknown flag", []string{"run", "--nonsense"}, []string{"nonsense"}},
		{"unknown command", []string{"nonsense"}, []string{"nonsense"}},
		{"offline check", []string{"check", "--offline", "--set", "group=g"}, []string{"kafka.topics"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out := testenv.RunSidecar(t, c.args...)
			require.Equal(t, 2, code, out)
			for _, says := range c.says {
				require.Contains(t, out, says)
			}
		})
	}
}

// The file store belongs to one process; after a kill its lock is free.
func TestFileStoreIsLockedByOneProcess(t *testing.T) {
	s := newScene(t, 1)
	produced := s.kafka.Produce(s.topic, 1, 10, "v")
	path := t.TempDir()
	opts := []testenv.SidecarOption{testenv.Set("start", "earliest"), testenv.Set("offsets.store", "file"), testenv.Set("offsets.file.path", path)}
	first := s.sidecar(opts...)
	s.waitAcked(produced)
	second := s.sidecar(opts...)
	require.Equal(t, 1, second.Wait(soon))
	require.Contains(t, second.Log(), path, "it says which folder")

	require.Equal(t, 0, first.Stop())
	more := s.kafka.Produce(s.topic, 1, 10, "w")
	first.Start()
	s.waitAcked(more)
	require.Zero(t, repeats(s.app.Deliveries()))
	first.Kill()
	first.Start()
	first.WaitReady()
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	s := newScene(t, 1)
	args := []string{
		"--set", "group=" + s.group, "--set", "kafka.topics=" + s.topic, "--set", "kafka.brokers=" + s.kafka.Addr(),
		"--set", "offsets.consul.address=" + s.consul.Addr(), "--set", "app.url=" + s.app.URL(),
	}
	code, out := testenv.RunSidecar(t, append([]string{"check"}, args...)...)
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "ok")
	s.app.Stop()
	code, out = testenv.RunSidecar(t, append([]string{"check"}, args...)...)
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "fail")
}
