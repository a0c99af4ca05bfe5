package chaos

import (
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/consulproxy"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// sidecar is one replica over all its lives. Its methods leave marks for the oracle; they are for the test's goroutine, but for
// those that say otherwise.
type sidecar struct {
	w    *world
	name string // "s1"
	proc *testenv.SidecarProcess
	door *consulproxy.Door
	code int // exit code of the last process that was terminated

	mu    sync.Mutex
	lives []oracle.Nanos // when each began
	pid   int            // 0 = it does not run
}

// addSidecar starts a replica that delivers to app and knows Consul through a door of its own.
func (w *world) addSidecar(app *application, upstream string) {
	w.t.Helper()
	s := &sidecar{w: w, name: fmt.Sprintf("s%d", len(w.sidecars)+1)}
	var err error
	s.door, err = w.store.Open(testenv.FreeAddr(w.t), upstream, s.nextLife())
	require.NoError(w.t, err)
	w.mark(s.life(), oracle.Started, 0)
	own := []testenv.SidecarOption{testenv.Set("app.url", app.URL()), testenv.Set("offsets.consul.address", s.door.Addr())}
	if w.static {
		own = append(own, testenv.Set("kafka.instance_id", s.name))
	}
	s.proc = testenv.Sidecar(w.t, append(own, w.options()...)...)
	s.began()
	w.sidecars = append(w.sidecars, s)
}

// options are what all replicas have in common: short intervals, small batches so that a run has many.
func (w *world) options() []testenv.SidecarOption {
	set := testenv.Set
	all := []testenv.SidecarOption{
		set("group", w.group), set("kafka.topics", w.topic), set("kafka.brokers", w.seeds), set("start", w.settings.start),
		set("kafka.session_timeout", sessionTimeout.String()), set("kafka.rebalance_timeout", "20s"), set("watch.interval", "1s"),
		set("app.timeout", w.appTimeout.String()), set("batch.max_records", "50"), set("deliver.drain", "4s"),
		set("retry.min", "50ms"), set("retry.max", retryMax.String()), set("retry.max_attempts", fmt.Sprint(maxAttempts)),
		set("commit.interval", w.commitEvery.String()), set("offsets.consul.timeout", storeWithin.String()),
		set("dead_letter.policy", w.deadLetter), set("policy.data_loss", w.dataLoss), set("policy.topic_recreated", w.recreated),
		set("memory.max_bytes", "16MiB"), set("shutdown.grace", "5s"),
	}
	if w.binary != "" {
		all = append(all, testenv.Binary(w.binary))
	}
	return append(all, w.set...)
}

// nextLife names the process that is about to start.
func (s *sidecar) nextLife() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lives = append(s.lives, nanos())
	return fmt.Sprintf("%s/%d", s.name, len(s.lives))
}

// life is the name of the newest process. It may be called from any goroutine.
func (s *sidecar) life() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%s/%d", s.name, len(s.lives))
}

// lifeAt is the name of the process that lived at t. Lines of a log tell milliseconds.
func (s *sidecar) lifeAt(t oracle.Nanos) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 1
	for n < len(s.lives) && s.lives[n] <= t+oracle.Nanos(time.Millisecond) {
		n++
	}
	return fmt.Sprintf("%s/%d", s.name, n)
}

func (s *sidecar) began() { s.setPID(s.proc.PID()) }

func (s *sidecar) setPID(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid = pid
}

// subject is the process to be looked at; ok is false while none runs. It may be called from any goroutine.
func (s *sidecar) subject() (subject, bool) {
	life := s.life()
	s.mu.Lock()
	defer s.mu.Unlock()
	return subject{life, s.pid, s.proc.Admin(), s.proc.MetricsAddr()}, s.pid != 0
}

// begin starts the next life after kill or stop; nothing happens when it runs.
func (s *sidecar) begin() {
	s.w.t.Helper()
	if s.proc.Running() {
		return
	}
	s.door.SetWriter(s.nextLife())
	s.w.mark(s.life(), oracle.Started, 0)
	s.proc.Start()
	s.began()
}

// kill is kill -9.
func (s *sidecar) kill() {
	s.setPID(0)
	s.w.mark(s.life(), oracle.Killed, 0)
	s.proc.Kill()
	s.w.mark(s.life(), oracle.Exited, -1)
}

// terminate sends SIGTERM and returns at once; ended waits for the end.
func (s *sidecar) terminate() {
	s.w.t.Helper()
	s.w.mark(s.life(), oracle.Terminated, 0)
	s.proc.Signal(syscall.SIGTERM)
}

// ended waits for the end that terminate has asked for, and notes the exit code.
func (s *sidecar) ended() {
	s.w.t.Helper()
	s.code = s.proc.Wait(soon)
	s.setPID(0)
	s.w.mark(s.life(), oracle.Exited, s.code)
}

// freeze is SIGSTOP.
func (s *sidecar) freeze() {
	s.w.t.Helper()
	s.w.mark(s.life(), oracle.Frozen, 0)
	s.proc.Signal(syscall.SIGSTOP)
}

// thaw is SIGCONT.
func (s *sidecar) thaw() {
	s.w.t.Helper()
	s.w.mark(s.life(), oracle.Thawed, 0)
	s.proc.Signal(syscall.SIGCONT)
}

// status is what the process says of itself.
func (s *sidecar) status() (relay.Status, error) {
	var status relay.Status
	if err := s.proc.Crashed(); err != nil {
		return status, err
	}
	err := s.proc.Status(&status)
	return status, err
}

// waitStatus waits until the status is as cond wants it and returns it.
func (s *sidecar) waitStatus(what string, cond func(*relay.Status) bool) relay.Status {
	s.w.t.Helper()
	var status relay.Status
	testenv.Eventually(s.w.t, soon, s.name+": "+what, func() (err error) {
		if status, err = s.status(); err == nil && !cond(&status) {
			err = fmt.Errorf("the status is %+v", status)
		}
		return err
	})
	return status
}

// waitReason waits until the process is not ready for the reason, with words for people.
func (s *sidecar) waitReason(reason string) {
	s.w.t.Helper()
	s.waitStatus("reason "+reason, func(status *relay.Status) bool {
		for _, r := range status.Reasons {
			if r.Reason == reason && r.Detail != "" {
				return true
			}
		}
		return false
	})
}

// waitPartition waits until a partition is in the state, for the reason ("" = none), and returns its status.
func (s *sidecar) waitPartition(partition int32, state, reason string) relay.PartitionStatus {
	s.w.t.Helper()
	var found relay.PartitionStatus
	s.waitStatus(fmt.Sprintf("partition %d: %s %s", partition, state, reason), func(status *relay.Status) bool {
		for _, found = range status.Partitions {
			if found.Partition == partition {
				return found.State == state && found.Reason == reason
			}
		}
		return false
	})
	return found
}

// waitHeld waits until it holds n partitions.
func (s *sidecar) waitHeld(n int) {
	s.w.t.Helper()
	s.waitStatus(fmt.Sprintf("%d partitions", n), func(status *relay.Status) bool { return len(status.Partitions) == n })
}

// cpu is what the process has used since it began.
func (s *sidecar) cpu() time.Duration {
	s.w.t.Helper()
	used, err := cpuSeconds(s.proc.PID())
	require.NoError(s.w.t, err)
	return time.Duration(used * float64(time.Second))
}
