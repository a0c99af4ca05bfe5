package oracle

// The files of a run, all in one folder. Except for run.json each holds JSON lines: one line is one of the structs below.
// Whoever writes a line writes it with one write(2), so that a kill tears at most the last one.
const (
	FrameFile   = "run.json"       // Frame
	ProducerLog = "producer.jsonl" // Produced
	ContentLog  = "content.jsonl"  // Content
	StoreLog    = "store.jsonl"    // Write
	LetterLog   = "letters.jsonl"  // Letter
	FaultLog    = "faults.jsonl"   // Fault
	MarkLog     = "marks.jsonl"    // Mark
	EventLog    = "events.jsonl"   // Event
	SampleLog   = "samples.jsonl"  // Sample
	AppLogs     = "app-*.jsonl"    // AppLine, one file per app process
)

// Nanos is a moment: nanoseconds since the Unix epoch, by the clock that all processes of a run share. 0 = never.
type Nanos int64

// Frame is what was set up: the settings of the sidecars that the judgement depends on, and the bounds.
// All sidecars of a run have the same settings.
type Frame struct {
	Command string `json:"command"` // how to run it again
	Seed    uint64 `json:"seed"`
	Group   string `json:"group"`
	Began   Nanos  `json:"began"`
	Ended   Nanos  `json:"ended"` // everything had healed and settled before it

	Start       string `json:"start"`       // start policy: latest, earliest, ... Only these two are judged
	Isolation   string `json:"isolation"`   // read_committed | read_uncommitted
	DeadLetter  string `json:"deadLetter"`  // dead_letter.policy: block | topic | drop
	DataLoss    string `json:"dataLoss"`    // policy.data_loss: block | earliest | latest
	Recreated   string `json:"recreated"`   // policy.topic_recreated: block | earliest | latest
	AppTimeout  Nanos  `json:"appTimeout"`  // app.timeout
	CommitEvery Nanos  `json:"commitEvery"` // commit.interval
	StoreWithin Nanos  `json:"storeWithin"` // offsets.consul.timeout

	// Slack is how long the machine may take for what is immediate in theory: an app that notices a closed
	// connection, a log line that is written, a process that is scheduled. Default 1 s.
	Slack Nanos `json:"slack"`

	Topics []Topic `json:"topics"` // those that the sidecars read
	Bounds Bounds  `json:"bounds"`
	// A stretch without load and faults in which the sidecars' CPU is measured; both 0 = not measured.
	IdleFrom  Nanos `json:"idleFrom"`
	IdleUntil Nanos `json:"idleUntil"`
	// Steady are stretches over which nothing of a process may grow.
	Steady []Stretch `json:"steady,omitempty"`
}

// Stretch is some time in the life of a sidecar process.
type Stretch struct {
	Proc  string `json:"proc"` // as in Mark
	From  Nanos  `json:"from"`
	Until Nanos  `json:"until"`
}

// Topic is what has to be known of a topic.
type Topic struct {
	Name      string `json:"name"`
	Compacted bool   `json:"compacted"` // records may vanish from the middle of the log
	Gone      bool   `json:"gone"`      // deleted for good during the run: nobody has to own its partitions at the end
}

// Bounds of one sidecar process (I9) and of an idle one (I8). 0 = not judged.
type Bounds struct {
	Memory      int64   `json:"memory"` // resident bytes
	Goroutines  int     `json:"goroutines"`
	Files       int     `json:"files"`       // open file descriptors
	Connections int     `json:"connections"` // TCP and unix connections
	IdleCPU     float64 `json:"idleCPU"`     // CPU seconds per second between IdleFrom and IdleUntil
}

// Records are some records of one partition: ascending offsets, and a digest for each.
type Records struct {
	Offsets []int64 `json:"o"`
	Digests Digests `json:"d"`
}

// Produced are records of one partition that the brokers acknowledged. Records of a transaction are logged when its
// commit was acknowledged, never before and never when it was aborted; a record without an acknowledgement is not logged.
type Produced struct {
	Topic     string `json:"k"`
	TopicID   string `json:"id"` // the incarnation, 22 characters as Kafka prints it
	Partition int32  `json:"p"`
	Sent      Nanos  `json:"s"` // before the first of them was sent
	Acked     Nanos  `json:"t"` // when the last of them was acknowledged
	Records
}

// Content is what a plain reader found in one partition of one incarnation of a topic: at the end of the run, or, for a
// topic that the run deletes, right before the deletion when nothing produces to it any more. A partition may take
// several lines, which repeat Start and End. Records are those a read_committed consumer sees; Aborted are offsets
// of data records that only a read_uncommitted one sees, with their digests.
type Content struct {
	Topic     string `json:"k"`
	TopicID   string `json:"id"`
	Partition int32  `json:"p"`
	Start     int64  `json:"b"`           // log start
	End       int64  `json:"e"`           // high watermark
	Deleted   Nanos  `json:"x,omitempty"` // when the topic was deleted; 0 = it is there at the end
	Records
	Aborted Records `json:"a,omitzero"`
}

// AppLine is one line of an app process's log. What tells which fields it has:
//
//	up    first line of every file: Proc
//	ask   a whole request was read, before anything is done with it: N, Batch, Attempt, Parts, Size
//	answer about to be written, the line before the first byte of it: N, Status, Failures, Broken
//	gone   the connection was closed before the whole answer was written: N. It may stand before or after the answer
//
// The order of lines in a file is the order of what happened, as far as the process knows it.
type AppLine struct {
	What string `json:"e"`
	Time Nanos  `json:"t"`
	Proc string `json:"proc,omitempty"` // the process as in Mark

	N       int    `json:"n,omitempty"` // number of the request in this process, from 1
	Batch   string `json:"id,omitempty"`
	Attempt int    `json:"try,omitempty"`
	Parts   []Part `json:"parts,omitempty"`
	Size    int    `json:"size,omitempty"` // of the body in bytes

	Status   int       `json:"s,omitempty"` // the HTTP status; 0 = the connection is closed without an answer
	Failures []Failure `json:"f,omitempty"`
	// Broken says why this answer is no acknowledgement whatever its status: "garbage" | "cut" | "huge". A failure that
	// names an offset outside of the batch makes it none as well, without being said here.
	Broken string `json:"broken,omitempty"`
}

// What an AppLine tells.
const (
	Up     = "up"
	Ask    = "ask"
	Answer = "answer"
	Gone   = "gone"
)

// Part is the share of one partition in a request.
type Part struct {
	Topic     string `json:"k"`
	Partition int32  `json:"p"`
	From      int64  `json:"f"`
	Until     int64  `json:"u"`
	Fence     int64  `json:"w"`
	Records
}

// Failure is one entry of an answer's failures.
type Failure struct {
	Topic     string `json:"k"`
	Partition int32  `json:"p"`
	Offset    int64  `json:"o"`
	Action    string `json:"a"` // retry | reject
}

// Write is one change of one key of the store, as the recording proxy saw it. A transaction is one line per key, with the
// same times. A write that Consul refused or did not apply (a lost CAS) is not logged.
//
// When Consul's answer did not come the outcome is unknown: logged with index 0. What a watch on the prefix saw is
// logged with Seen; it settles unknown outcomes and shows writes that went past the proxy. A deletion has any index between those
// of the versions before and after it.
type Write struct {
	Key     string `json:"k"` // whole, "kafka-sidecar/billing/orders/3"
	Index   uint64 `json:"i"` // ModifyIndex; 0 = it is not known whether the write was applied
	Value   string `json:"v"` // as written
	Deleted bool   `json:"x,omitempty"`
	Writer  string `json:"w,omitempty"` // a sidecar process as in Mark, or Operator; "" with Seen
	Sent    Nanos  `json:"s,omitempty"` // before it was forwarded to Consul
	Done    Nanos  `json:"t"`           // Consul's answer had come, and was not handed on yet; with Seen: when it was seen
	Seen    bool   `json:"seen,omitempty"`
}

// Operator is the Writer of what the test itself writes: seeks, skips, edits by hand, restored keys.
const Operator = "operator"

// Letter is one record of a dead-letter topic. The topic must have message.timestamp.type=LogAppendTime.
type Letter struct {
	Topic     string `json:"k"` // sidecar-topic, -partition, -offset: the last header of each name
	Partition int32  `json:"p"`
	Offset    int64  `json:"o"`
	Time      Nanos  `json:"t"` // the broker's append time, which it cuts to milliseconds
	// Digest is that of the original: key, value, the headers before those of the sidecar, and sidecar-timestamp.
	Digest Digest `json:"d"`
}

// Fault is one injected fault. Killing, freezing and stopping processes is in Mark; a fault of them is logged here as
// well, for the table and for liveness.
type Fault struct {
	Name  string `json:"name"`
	On    string `json:"on"`    // sidecar | app | kafka | consul; several: joined by "+", as in "kafka+consul"
	From  Nanos  `json:"from"`  // before it was injected
	Until Nanos  `json:"until"` // after it was healed
	Bound Nanos  `json:"bound"` // how long after the heal everything must be consumed; 0 = not judged
}

// Mark is something that was done to a process, or its end. Proc is one life of one process and is never used again: "s1/2" is
// the second life of sidecar s1, "a1/1" the first of app a1.
type Mark struct {
	Proc string `json:"proc"`
	What string `json:"e"`              // one of the constants below
	Time Nanos  `json:"t"`              // before it was done; Exited: after the end was noticed; Thawed: before SIGCONT
	Code int    `json:"code,omitempty"` // of Exited, when it ended by itself; -1 = by a signal
}

// What a Mark tells.
const (
	Started    = "start"
	Killed     = "kill" // SIGKILL
	Frozen     = "stop" // SIGSTOP
	Thawed     = "cont" // SIGCONT
	Terminated = "term" // SIGTERM, or a drain request
	Exited     = "exit"
)

// Event is something a sidecar said in its log.
type Event struct {
	Proc      string `json:"proc"`
	Time      Nanos  `json:"t"`
	What      string `json:"e"` // one of the constants below
	Topic     string `json:"k"`
	Partition int32  `json:"p"`
	Offset    int64  `json:"o,omitempty"` // of DeadLettered and Dropped; the first lost offset of Lost
	Until     int64  `json:"u,omitempty"` // of Lost: the offset it goes on at
	Count     int64  `json:"n,omitempty"` // of Lost: offsets lost, as it says
	Reason    string `json:"r,omitempty"` // of Blocked and Lost
}

// What an Event tells.
const (
	Blocked      = "blocked"
	Unblocked    = "unblocked" // also: let go, revoked or claimed anew, so that the block is over
	Lost         = "lost"      // policy.data_loss moved the offset
	Recreated    = "recreated" // policy.topic_recreated replaced the baseline
	DeadLettered = "dead_letter"
	Dropped      = "dropped" // dead_letter.policy drop
)

// Sample is one look at one sidecar process: its status and metrics, and what the system says of it. A look that failed (the
// process is frozen) is not logged.
type Sample struct {
	Proc string `json:"proc"`
	Time Nanos  `json:"t"` // after it was taken

	Memory      int64   `json:"rss"`
	Goroutines  int     `json:"gor"`
	Files       int     `json:"fds"`
	Connections int     `json:"conns"`
	CPU         float64 `json:"cpu"` // seconds since the process began

	Held          []Place `json:"held,omitempty"`     // partitions in the status, whatever their state
	Blocked       []Block `json:"blocked,omitempty"`  // by the status: state blocked or fenced
	MetricBlocked []Block `json:"mblocked,omitempty"` // sidecar_partition_blocked = 1

	// Counters, summed over their labels.
	LostTotal    int64 `json:"lost,omitempty"`    // sidecar_records_lost_total
	LettersTotal int64 `json:"letters,omitempty"` // sidecar_dead_letters_total{policy="topic"}
	DroppedTotal int64 `json:"dropped,omitempty"` // sidecar_dead_letters_total{policy="drop"}
}

// Place is a partition of a topic.
type Place struct {
	Topic     string `json:"k"`
	Partition int32  `json:"p"`
}

// Block is a blocked partition.
type Block struct {
	Place
	Reason string `json:"r"`
}
