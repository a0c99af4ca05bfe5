package oracle

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Table is what a run comes to, fault by fault.
type Table struct {
	Rows     []Row
	Produced int // records that the brokers acknowledged over the whole run

	marks, acks []tally // what is to be counted in the rows
}

// Row sums up all injections of one fault. What happened belongs to the latest fault that had begun.
type Row struct {
	Fault           string
	Injected        int
	Records         int // acknowledged by the brokers from the injection to the recovery
	Lost            int
	OutOfOrder      int
	Repeated        int // deliveries of records that an app had acknowledged
	Bound           int // acknowledgements between the last commit before the fault and the claims after it: none of them comes again twice
	FenceViolations int
	Recovery        []time.Duration // from the heal until everything produced before it was stored as done; -1 = never
	Standstill      []time.Duration // of each partition that something came of, see tellStandstills
}

// tally is something to be counted in the row of its moment.
type tally struct {
	at  Nanos
	add func(*Row)
}

func (t *Table) tally(at Nanos, add func(*Row)) { t.marks = append(t.marks, tally{at, add}) }

func (t *Table) lost(at Nanos, n int)       { t.tally(at, func(r *Row) { r.Lost += n }) }
func (t *Table) outOfOrder(at Nanos, n int) { t.tally(at, func(r *Row) { r.OutOfOrder += n }) }
func (t *Table) fenced(at Nanos)            { t.tally(at, func(r *Row) { r.FenceViolations++ }) }

// repeats counts by the moment of the acknowledgement: deliveries that came after it, and those it excuses.
func (t *Table) repeats(acked Nanos, repeated, bound int) {
	if repeated+bound > 0 {
		t.acks = append(t.acks, tally{acked, func(r *Row) { r.Repeated += repeated; r.Bound += bound }})
	}
}

func (t *Table) recovered(f Fault, when Nanos) {
	took := time.Duration(-1)
	if when != never {
		took = time.Duration(when - f.Until)
	}
	r := t.row(f.Name)
	r.Injected++
	r.Recovery = append(r.Recovery, took)
}

// quiet is the row of what happened before the first fault.
const quiet = "(none)"

func (t *Table) row(fault string) *Row {
	i := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Fault == fault })
	if i < 0 {
		t.Rows = append(t.Rows, Row{Fault: fault})
		i = len(t.Rows) - 1
	}
	return &t.Rows[i]
}

// makeTable counts what the checkers found in the rows of the faults.
func (c *court) makeTable() {
	t := &c.verdict.Table
	faults := slices.SortedStableFunc(slices.Values(c.run.Faults), func(a, b Fault) int { return cmp.Compare(a.From, b.From) })
	for _, m := range t.marks {
		name := quiet
		for _, f := range faults {
			if f.From <= m.at {
				name = f.Name
			}
		}
		m.add(t.row(name))
	}
	for _, m := range t.acks {
		name := quiet
		for _, f := range faults {
			if f.From-c.window() <= m.at && m.at <= f.Until+c.window()+settling {
				name = f.Name
			}
		}
		m.add(t.row(name))
	}
	paces := c.progress()
	for _, f := range faults {
		until, _ := c.consumed(f.Until, paces)
		t.row(f.Name).Records += c.producedWithin(f.From, min(until, c.run.Ended))
	}
	c.tellStandstills(faults)
	slices.SortStableFunc(t.Rows, func(a, b Row) int { return cmp.Compare(a.Fault, b.Fault) })
	t.Produced = c.producedWithin(0, never)
	t.marks, t.acks = nil, nil
}

func (c *court) producedWithin(from, until Nanos) int {
	n := 0
	for i := range c.run.Produced {
		if p := &c.run.Produced[i]; from <= p.Acked && p.Acked <= until {
			n += len(p.Offsets)
		}
	}
	return n
}

// subjects of the invariants, in their order.
var subjects = [13]string{
	1: "no loss", "commit after ack", "monotone", "order", "bounded repeats", "fencing", "content", "liveness", "bounds",
	"new partition", "reported", "baseline",
}

// Report writes the table, a line for each invariant, how to run it again, and whatever is wrong.
func Report(out io.Writer, f Frame, v *Verdict) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\tinjected\trecords\tlost\tout of order\trepeated (bound)\tfence violations\trecovery median\tmax\tstandstill median\tmax")
	for _, r := range v.Table.Rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d (%d)\t%d\t%s\t%s\t%s\t%s\n", r.Fault, r.Injected, r.Records, r.Lost, r.OutOfOrder, r.Repeated, r.Bound,
			r.FenceViolations, seconds(r.Recovery, median), seconds(r.Recovery, last), seconds(r.Standstill, median), seconds(r.Standstill, last))
	}
	fmt.Fprintf(w, "\n%s\n\n", &v.Table)
	for n := 1; n < len(subjects); n++ {
		result := "ok"
		if v.Count[n] > 0 {
			result = fmt.Sprintf("violations: %d", v.Count[n])
		}
		fmt.Fprintf(w, "I%d\t%s\t%s\n", n, subjects[n], result)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	for _, g := range v.Growth {
		fmt.Fprintf(&b, "\n%s", g)
	}
	fmt.Fprintf(&b, "\nseed %d, to run it again: %s\n", f.Seed, f.Command)
	for _, text := range v.Contradictions {
		fmt.Fprintf(&b, "\nthe logs contradict one another, judge nothing: %s\n", text)
	}
	for _, x := range v.Violations {
		fmt.Fprintf(&b, "\n%s\n", x)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// String sums up the rows.
func (t *Table) String() string {
	var sum Row
	for _, r := range t.Rows {
		sum.Injected += r.Injected
		sum.Lost += r.Lost
		sum.OutOfOrder += r.OutOfOrder
		sum.Repeated += r.Repeated
		sum.FenceViolations += r.FenceViolations
	}
	return fmt.Sprintf("%d faults, %d records: %d lost, %d out of order, %d repeated, %d fence violations",
		sum.Injected, t.Produced, sum.Lost, sum.OutOfOrder, sum.Repeated, sum.FenceViolations)
}

func median(n int) int { return n / 2 }
func last(n int) int   { return n - 1 }

// seconds is one of the times in their order; what never recovered took the longest.
func seconds(all []time.Duration, pick func(n int) int) string {
	if len(all) == 0 {
		return "-"
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b time.Duration) int { return cmp.Compare(uint64(a), uint64(b)) })
	took := sorted[pick(len(sorted))]
	if took < 0 {
		return "never"
	}
	return fmt.Sprintf("%.1f s", took.Seconds())
}
