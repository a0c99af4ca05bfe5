package main

import (
	"context"
	"fmt"
	"slices"
)

// demoScene is an act while it plays: where the logs stood when it began.
type demoScene struct {
	*demoStage
	from []int64 // log ends
	mark int     // of the app's log
}

func (s *demoStage) scene() *demoScene {
	return &demoScene{demoStage: s, from: s.producer.ends(), mark: s.app.mark()}
}

// finish makes the checks that every act ends with and prints its figures. repeats is how many are allowed.
func (c *demoScene) finish(repeats int) error {
	f := demoCount(c.producer.written(), c.from, c.app.deliveries(0), c.mark)
	c.say.check(f.lost == 0, "nothing is lost", "%d of %d records never reached the app", f.lost, f.produced)
	gap := demoPlace{}
	if f.gap != nil {
		gap = *f.gap
	}
	c.say.check(f.gap == nil, "no record was delivered before an earlier one of its partition", "offset %d of partition %d was passed over", gap.offset, gap.partition)
	claim := "nothing is repeated"
	if repeats > 0 {
		claim = fmt.Sprintf("no more is repeated than the %d records acknowledged since the last commit", repeats)
	}
	c.say.check(f.repeated <= repeats, claim, "%d are", f.repeated)
	keys, err := c.store.read()
	if err != nil {
		return err
	}
	c.show(keys, c.producer.all()...)
	c.say.figures(f)
	c.total.produced += f.produced
	c.total.lost += f.lost
	c.total.repeated += f.repeated
	return nil
}

// firsts checks that the first record of every partition after a start is the one the store names.
func (c *demoScene) firsts(claim string, mark int, want []int64) {
	log := c.app.deliveries(mark)
	got := make([]int64, len(want))
	for p := range got {
		got[p] = demoFirst(log, int32(p))
	}
	c.say.check(slices.Equal(got, want), claim, "the first offsets are %v and not %v", got, want)
}

// firstStart is act one: a crash before the first acknowledgement.
func (s *demoStage) firstStart(ctx context.Context) error {
	c := s.scene()
	c.say.title("Act 1   First start, and a crash before the first acknowledgement")
	c.say.say("The topic holds %d older records. The sidecar starts for the first time, with `start: latest`.", c.producer.count())
	if err := c.start(); err != nil {
		return err
	}
	if err := c.wait(ctx, "the baseline", func() (bool, error) {
		keys, err := c.store.read()
		_, ok := keys.topic()
		return ok, err
	}); err != nil {
		return err
	}
	c.say.say("No record has come yet, but what `latest` means is already written down: the baseline.")
	keys, err := c.store.read()
	if err != nil {
		return err
	}
	c.show(keys)

	crashed := c.app.crashNext()
	if err := c.producer.write(ctx, 30, c.producer.all()...); err != nil {
		return err
	}
	if err := c.wait(ctx, "the app's crash", func() (bool, error) {
		select {
		case <-crashed:
			return true, nil
		default:
			return false, nil
		}
	}); err != nil {
		return err
	}
	c.say.say("60 new orders come in. The app gets its first batch and dies before it answers. Now kill -9 the sidecar, too.")
	c.kill()
	if err := c.producer.write(ctx, 20, c.producer.all()...); err != nil {
		return err
	}
	if s.options.meddle != nil {
		s.options.meddle(s)
	}
	c.say.say("While both are down, 40 more come in: `latest` is now %v. Starting there would lose 100 orders.", c.producer.ends())
	return c.resume(ctx)
}

// resume is the second half of act one.
func (c *demoScene) resume(ctx context.Context) error {
	if err := c.app.start(); err != nil {
		return err
	}
	mark := c.app.mark()
	if err := c.start(); err != nil {
		return err
	}
	c.say.say("Both start again. The broker hands the partitions over when it has missed the dead member for %s.", demoSession)
	if err := c.settle(ctx); err != nil {
		return err
	}
	c.say.say("All is acknowledged.")
	early := true
	for p := range c.from {
		doc, ok := c.app.storeAtFirst(int32(p)).topic()
		early = early && ok && doc.Baseline[fmt.Sprint(p)] == c.from[p]
	}
	c.say.check(early, "the baseline was in the store before the first delivery", "it was not")
	c.firsts(fmt.Sprintf("delivery began at the baseline, %v, although `latest` had moved on", c.from), mark, c.from)
	return c.finish(0)
}

// restart is act two: a deploy and a crash, both under load.
func (s *demoStage) restart(ctx context.Context) error {
	c := s.scene()
	c.say.title("Act 2   Restart, once as a deploy and once as a crash")
	stopLoad := c.producer.load(ctx, demoTick)
	defer func() { _ = stopLoad() }() // its error counts where the load is stopped in time
	if err := c.waitAcked(ctx, 300); err != nil {
		return err
	}
	c.say.say("Orders come in all the time. A deploy stops the sidecar with SIGTERM.")
	err := c.stop()
	c.say.check(err == nil, "it ended with its last commit in the store", "%v", err)
	if _, err := c.absence(ctx, "it went on exactly at the stored offsets"); err != nil {
		return err
	}
	if err := c.waitCommit(ctx); err != nil {
		return err
	}
	if err := c.waitAcked(ctx, 60); err != nil {
		return err
	}
	c.say.say("Now kill -9, in the middle of the work, between two commits.")
	c.kill()
	repeats, err := c.absence(ctx, "it went on exactly at the stored offsets again")
	if err != nil {
		return err
	}
	if err := stopLoad(); err != nil {
		return err
	}
	if err := c.settle(ctx); err != nil {
		return err
	}
	c.say.say("The orders stop, and all is acknowledged.")
	return c.finish(repeats)
}

// absence lets orders pile up while no sidecar runs, starts one and checks where it goes on. It
// returns how many acknowledged records lay above the stored offsets: so many may come again.
func (c *demoScene) absence(ctx context.Context, claim string) (repeats int, err error) {
	if err := c.waitProduced(ctx, 200); err != nil {
		return 0, err
	}
	keys, err := c.store.read()
	if err != nil {
		return 0, err
	}
	partitions := c.producer.all()
	stored := keys.offsets(int32(len(partitions)))
	mark := c.app.mark()
	c.say.say("200 orders later it starts again. The store says %v.", stored)
	above := map[demoPlace]bool{}
	for _, d := range c.app.deliveries(c.mark) {
		if d.acked && d.offset >= stored[d.partition] {
			above[d.demoPlace] = true
		}
	}
	if err := c.start(); err != nil {
		return 0, err
	}
	if err := c.waitFirst(ctx, mark, partitions...); err != nil {
		return 0, err
	}
	c.firsts(claim, mark, stored)
	return len(above), nil
}

// growth is act three: a partition is added under load.
func (s *demoStage) growth(ctx context.Context) error {
	c := s.scene()
	c.say.title("Act 3   A partition is added under load, with `start: latest`")
	stopLoad := c.producer.load(ctx, demoTick)
	defer func() { _ = stopLoad() }() // its error counts where the load is stopped in time
	if err := c.waitAcked(ctx, 200); err != nil {
		return err
	}
	added, err := c.producer.addPartition(ctx)
	if err != nil {
		return err
	}
	if err := c.producer.write(ctx, 50, added); err != nil {
		return err
	}
	early := c.producer.ends()[added]
	keys, err := c.store.read()
	if err != nil {
		return err
	}
	doc, _ := keys.topic()
	c.say.say("The topic gets a partition %d. %d orders lie in it while the sidecar still knows of %d partitions.", added, early, doc.Partitions)
	if err := c.waitFirst(ctx, c.mark, added); err != nil {
		return err
	}
	c.say.say("The sidecar has noticed, without a restart. Starting it at `latest` would have lost what lay there.")
	if err := stopLoad(); err != nil {
		return err
	}
	if err := c.settle(ctx); err != nil {
		return err
	}
	c.say.say("The orders stop, and all is acknowledged.")
	at := c.kafka.PartitionInfo(demoTopic, added).LogStartOffset
	stored := c.app.storeAtFirst(added).offset(added)
	c.say.check(stored == at, fmt.Sprintf("its key was in the store, with the log start %d, before its first delivery", at), "the key's offset was %d (-1 = absent)", stored)
	got := demoFirst(c.app.deliveries(c.mark), added)
	c.say.check(got == at, "delivery began at its log start", "it began at %d", got)
	return c.finish(0)
}
