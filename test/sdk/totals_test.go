package sdk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// total is what the app keeps of a key.
type total struct{ Records, Offsets int64 }

// ledger is a database with the totals, read by a client of its own.
type ledger struct {
	s        *scene
	server   *testenv.PostgresServer
	database string
}

func newLedger(s *scene) *ledger {
	s.t.Helper()
	return newLedgerOn(s, testenv.SharedPostgres(s.t))
}

func newLedgerOn(s *scene, server *testenv.PostgresServer) *ledger {
	s.t.Helper()
	name := fmt.Sprintf("ledger_%08x", rand.Uint32())
	(&ledger{s, server, "postgres"}).query("CREATE DATABASE " + name)
	l := &ledger{s, server, name}
	l.query("CREATE TABLE totals (key text PRIMARY KEY, records bigint, offsets bigint)")
	return l
}

// app starts the language's app with its totals in the ledger.
func (l *ledger) app(of language) *appProcess {
	l.s.t.Helper()
	return startApp(l.s.t, of, appOption("APP_DATABASE="+of.database(l.server.Addr()+"/"+l.database)))
}

func (l *ledger) query(sql string) [][]any {
	l.s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	conn, err := pgx.Connect(ctx, "postgres://postgres@"+l.server.Addr()+"/"+l.database)
	require.NoError(l.s.t, err)
	defer func() { _ = conn.Close(ctx) }() // the query has said whether all is well
	rows, err := conn.Query(ctx, sql)
	require.NoError(l.s.t, err)
	values, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	require.NoError(l.s.t, err)
	return values
}

// waitForLock waits until a transaction waits for another.
func (l *ledger) waitForLock() {
	l.s.t.Helper()
	l.s.eventually("a transaction to wait for another", func() error {
		if len(l.query("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")) == 0 {
			return errors.New("none does")
		}
		return nil
	})
}

// totals are those in the database.
func (l *ledger) totals() map[string]total {
	l.s.t.Helper()
	totals := map[string]total{}
	for _, row := range l.query("SELECT key, records, offsets FROM totals") {
		totals[row[0].(string)] = total{row[1].(int64), row[2].(int64)}
	}
	return totals
}

// due are the totals of what was produced, but for those that the app rejects.
func (l *ledger) due() map[string]total {
	totals := map[string]total{}
	for _, r := range l.s.produced {
		if !strings.HasPrefix(string(r.Value), "reject:") {
			t := totals[string(r.Key)]
			totals[string(r.Key)] = total{t.Records + 1, t.Offsets + r.Offset}
		}
	}
	return totals
}

// settle waits until everything is acknowledged: then the totals are those of what was produced.
func (l *ledger) settle() {
	l.s.t.Helper()
	l.s.waitStored()
	require.Equal(l.s.t, l.due(), l.totals())
}

// produceKeyed writes a record per value to the partitions in turn, with keys that come in all of them.
func (s *scene) produceKeyed(partitions int32, values ...string) {
	s.t.Helper()
	for i, v := range values {
		s.produced = append(s.produced, s.record(int32(i)%partitions, fmt.Sprintf("key-%d", i%7), v))
	}
	s.kafka.ProduceRecords(s.produced[len(s.produced)-len(values):]...)
}

// Reject, Retry and errors undo what their record wrote, and nothing else.
func TestFailuresUndoTheirOwnWritesOnly(t *testing.T) {
	inEachFormat(t, func(t *testing.T, l language, format testenv.SidecarOption) {
		s := newScene(t, 2)
		ledger := newLedger(s)
		app := ledger.app(l)
		s.produceKeyed(2, "a", "b", "retry:1", "reject:no", "c", "d", "raise:2", "exit-after", "e", "f")
		s.sidecar(app, format, testenv.Set("dead_letter.policy", "drop"))
		require.Equal(t, 9, app.Wait(soon), "the app has ended itself between commit and answer")
		app.restart()
		ledger.settle()
		require.Zero(t, repeats(app.lines()), "what was committed is skipped")
	})
}

// The app and the sidecar are killed in random order, in the middle of their work; the totals are exact.
func TestTotalsAreExactAfterKills(t *testing.T) {
	inEach(t, func(t *testing.T, l language) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		killInTurn(t, l, rand.New(rand.NewPCG(seed, 0)))
	})
}

func killInTurn(t *testing.T, l language, random *rand.Rand) {
	const partitions = 4
	s := newScene(t, partitions)
	ledger := newLedger(s)
	app := ledger.app(l)
	sidecar := s.sidecar(app, testenv.Set("dead_letter.policy", "drop"), testenv.Set("batch.max_records", "20"))
	faults := []func(){
		app.Kill,
		func() { sidecar.Kill(); sidecar.Start() },
		func() { app.Kill(); sidecar.Kill(); sidecar.Start() },
		func() {
			sidecar.Signal(syscall.SIGTERM)
			s.revive(app, func() bool { return !sidecar.Running() })
			sidecar.Start()
		},
	}
	for _, fault := range random.Perm(len(faults)) {
		s.produceKeyed(partitions, randomValues(random, 300)...)
		progress := len(kind(app.lines(), "begin")) + 1 + random.IntN(10)
		s.revive(app, func() bool { return len(kind(app.lines(), "begin")) >= progress })
		t.Logf("after %d batches: fault %d", progress, fault)
		faults[fault]()
	}
	ends := s.kafka.EndOffsets(s.topic)
	s.revive(app, func() bool {
		for partition, end := range ends {
			if s.stored(partition) != end {
				return false
			}
		}
		return true
	})
	ledger.settle()
}

// revive waits for cond and starts the app again whenever it has ended.
func (s *scene) revive(app *appProcess, cond func() bool) {
	s.t.Helper()
	s.eventually("progress", func() error {
		if !app.Running() {
			app.Start() // whether it listens is not asked: a record may end it at once
		}
		if !cond() {
			return errors.New("none")
		}
		return nil
	})
}

// randomValues are n values, some of them commands.
func randomValues(random *rand.Rand, n int) []string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("value-%d", i)
		switch random.IntN(200) {
		case 0:
			values[i] = "exit"
		case 1:
			values[i] = "exit-after"
		case 2:
			values[i] = "raise:1"
		case 3:
			values[i] = "reject:no"
		case 4:
			values[i] = "retry:10"
		}
	}
	return values
}

// A database that is away is nobody's poison: no record is condemned, and all take effect once it is back.
func TestDatabaseIsKilled(t *testing.T) {
	inEach(t, func(t *testing.T, l language) {
		s := newScene(t, 3)
		postgres := testenv.Postgres(t)
		ledger := newLedgerOn(s, postgres)
		app := ledger.app(l)
		s.produceKeyed(3, slices.Repeat([]string{"value"}, 300)...)
		s.produceKeyed(3, "block", "a", "b")
		sidecar := s.sidecar(app, testenv.Set("dead_letter.policy", "drop"), testenv.Set("retry.max_attempts", "1"))
		app.waitBlocked()
		postgres.Kill() // in the middle of a transaction
		app.open()
		s.produceKeyed(3, slices.Repeat([]string{"value"}, 60)...)
		s.eventually("failed or refused batches", func() error {
			if n := batches(sidecar, "failed") + batches(sidecar, "busy"); n < 5 {
				return fmt.Errorf("%v so far", n)
			}
			return nil
		})
		postgres.Start()
		ledger.settle()
		sidecar.WaitReady()
	})
}

// A sidecar that is frozen for longer than its session, and its app with a batch of it that has not looked at the
// database yet: when they go on, the partition has another owner and nothing may be changed.
func TestZombieChangesNothing(t *testing.T) {
	inEach(t, func(t *testing.T, l language) {
		s := newScene(t, 1)
		ledger := newLedger(s)
		old := ledger.app(l)
		s.produceKeyed(1, "a", "b", "c", "stall", "d")
		frozen := s.sidecar(old, testenv.Set("app.timeout", "1m"), testenv.Set("batch.max_records", "3"))
		old.waitLines("begin", 2)
		frozen.Signal(syscall.SIGSTOP)

		young := ledger.app(l)
		young.open()
		successor := s.sidecar(young)
		ledger.settle()
		old.open()
		old.waitLines("end", 2)
		require.Equal(t, "StaleFence", kind(old.lines(), "end")[1].Outcome)
		require.Equal(t, []int64{0, 1, 2}, at(records(old.lines(), "applied"), 0))
		require.Equal(t, ledger.due(), ledger.totals())

		frozen.Signal(syscall.SIGCONT)
		s.produceKeyed(1, "e", "f")
		ledger.settle()
		frozen.WaitReady()
		require.Equal(t, 0, successor.Stop())
		s.produceKeyed(1, "g")
		ledger.settle()
		require.Equal(t, 0, frozen.Stop())
	})
}

// As above, but the batch is still at the frozen sidecar, due at a time that passes while it is frozen.
func TestFrozenSidecarChangesNothing(t *testing.T) {
	inEach(t, func(t *testing.T, l language) {
		s := newScene(t, 1)
		ledger := newLedger(s)
		old := ledger.app(l)
		s.produceKeyed(1, "a", "b", "retry:1000", "c")
		frozen := s.sidecar(old)
		s.eventually("the batch that is to come again", func() error {
			if len(kind(old.lines(), "end")) == 0 {
				return errors.New("not answered")
			}
			return nil
		})
		frozen.Signal(syscall.SIGSTOP)

		young := ledger.app(l)
		s.sidecar(young)
		ledger.settle()
		frozen.Signal(syscall.SIGCONT)
		frozen.WaitReady()
		s.produceKeyed(1, "d", "e")
		ledger.settle()
	})
}

// As TestZombieChangesNothing, but the zombie's app is in the middle of its transaction: the successor's waits for
// it, and skips what it has written. In the first batch of all there is no row yet that the two could meet at.
func TestZombieInItsTransactionIsWaitedFor(t *testing.T) {
	inEach(t, func(t *testing.T, l language) {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprintf("first batch %t", first), func(t *testing.T) { zombieInItsTransaction(t, l, first) })
		}
	})
}

func zombieInItsTransaction(t *testing.T, l language, first bool) {
	s := newScene(t, 1)
	ledger := newLedger(s)
	old := ledger.app(l)
	frozen := s.sidecar(old, testenv.Set("app.timeout", "1m"), testenv.Set("batch.max_records", "3"))
	if !first {
		s.produceKeyed(1, "a", "b")
		ledger.settle()
	}
	before := ledger.totals()
	s.produceKeyed(1, "block", "c", "d")
	old.waitBlocked()
	frozen.Signal(syscall.SIGSTOP)

	young := ledger.app(l)
	young.open()
	s.sidecar(young, testenv.Set("app.timeout", "1m"))
	ledger.waitForLock()
	require.Equal(t, before, ledger.totals(), "nothing is committed")
	old.open()
	ledger.settle()
	for _, offset := range at(records(young.lines(), "applied"), 0) {
		require.NotContains(t, at(records(old.lines(), "applied"), 0), offset)
	}
	frozen.Signal(syscall.SIGCONT)
	s.produceKeyed(1, "e")
	ledger.settle()
}
