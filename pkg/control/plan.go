package control

import "github.com/kafka-sidecar/kafka-sidecar/pkg/record"

// What is done, as the plan, the owner's log and the operators' log name it.
const (
	Seek   = "seek"
	Pause  = "pause"
	Resume = "resume"
	Skip   = "skip"
	Import = "import"
	Delete = "delete"
)

// Plan is what a change would do, partition by partition. Apply carries it out.
type Plan struct {
	What  string
	Topic string
	Steps []Step   // in the order of the partitions; those that nothing would change are left out
	Notes []string // what else is to be known, for people

	Revision int64 // of the topic's document after Apply, also after a part of it; 0 = nothing was written, or it is forgotten

	doc     record.Topic   // the topic's document the plan was made of
	replace *record.Topic  // it is written instead: the offsets so far are of another log, or there are none
	keys    []record.Entry // to delete
}

// Skipped is how many offsets are passed over without being delivered, in all partitions.
func (p *Plan) Skipped() int64 { return p.sum(Step.Skipped) }

// Repeated is how many offsets are delivered once more, in all partitions.
func (p *Plan) Repeated() int64 { return p.sum(Step.Repeated) }

func (p *Plan) sum(of func(Step) int64) int64 {
	var n int64
	for _, s := range p.Steps {
		n += of(s)
	}
	return n
}

// Step is what a change does to one partition. Offsets are those of the next record to deliver.
type Step struct {
	Partition int32
	From      int64 // -1 = none is known
	To        int64 // -1 = it is forgotten
	WasPaused bool
	Paused    bool

	LogStart, LogEnd int64 // bounds of the log when the plan was made; -1 = not asked

	same bool // To is wherever the partition stands when the change is made
}

// Skipped is how many offsets are passed over without being delivered.
func (s Step) Skipped() int64 {
	if s.From < 0 {
		return 0
	}
	return max(0, s.To-s.From)
}

// Repeated is how many offsets are delivered once more.
func (s Step) Repeated() int64 {
	if s.From < 0 || s.To < 0 {
		return 0
	}
	return max(0, s.From-s.To)
}
