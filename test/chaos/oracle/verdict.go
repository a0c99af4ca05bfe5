package oracle

import (
	"fmt"
	"strings"
)

// Verdict is what the logs say about a run.
type Verdict struct {
	// Contradictions say that the logs do not fit together: a log is wrong, or the servers broke a promise of theirs (a
	// record that the brokers acknowledged is gone). Then nothing else of the verdict can be trusted.
	Contradictions []string

	Violations []Violation // the first few of each invariant
	Count      [13]int     // of all violations, by the invariant's number
	Table      Table
	Growth     []Growth // of each stretch that the frame names
}

// OK says that the logs fit together and no invariant is violated.
func (v *Verdict) OK() bool { return len(v.Contradictions) == 0 && len(v.Violations) == 0 }

// Violation is one break of one invariant, with what shows it.
type Violation struct {
	Invariant int   // 1 to 12
	Place           // the partition; Partition is -1 for a whole topic, Topic "" for none
	Offset    int64 // -1 = of no single offset
	Time      Nanos // when it was done
	What      string
	Evidence  []string // lines of the logs, in words
}

// String is the violation for a person, over several lines.
func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "I%d", v.Invariant)
	if v.Topic != "" {
		fmt.Fprintf(&b, " %s", v.Place)
	}
	if v.Offset >= 0 {
		fmt.Fprintf(&b, " offset %d", v.Offset)
	}
	fmt.Fprintf(&b, ": %s", v.What)
	for _, line := range v.Evidence {
		fmt.Fprintf(&b, "\n    %s", line)
	}
	return b.String()
}

// String is "orders/3", or "orders" for the whole topic.
func (p Place) String() string {
	if p.Partition < 0 {
		return p.Topic
	}
	return fmt.Sprintf("%s/%d", p.Topic, p.Partition)
}

// kept is how many violations of an invariant are told; one bug may break it for every record.
const kept = 20

func (v *Verdict) add(x Violation) {
	v.Count[x.Invariant]++
	if v.Count[x.Invariant] <= kept {
		v.Violations = append(v.Violations, x)
	}
}

func (v *Verdict) contradiction(format string, args ...any) {
	if len(v.Contradictions) < kept {
		v.Contradictions = append(v.Contradictions, fmt.Sprintf(format, args...))
	}
}
