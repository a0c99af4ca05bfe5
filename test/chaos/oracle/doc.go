// Package oracle judges a run of the fault suite from logs that were written around the sidecars. It imports nothing of the
// product and recomputes what it compares, so a mistake of the sidecar can't excuse itself. Read decodes the logs, Judge checks
// the invariants I1 to I12, Report prints the verdict.
//
// # Who is believed
//
// The producer: what the brokers acknowledged. A plain reader: what each log held at the end, which settles records without an
// acknowledgement, aborted transactions and compaction. The app processes: what they received, and each answer, logged before its
// first byte was sent. The recording proxy before Consul: each version of each key, with its ModifyIndex, when it was sent on and
// when Consul had answered. The reader of the dead-letter topic, with the broker's append time. The test itself: faults, kills,
// freezes. All clocks are one clock.
//
// A sidecar's own words (events, status, metrics) prove nothing. They are needed only as declarations: a loss by policy.data_loss,
// a drop by dead_letter.policy, a block must be said, and I11 checks that they are said the same way everywhere. Where facts can
// refute a declaration they do: what "earliest" declares lost must not stand in the log.
//
// # What an ownership is
//
// The fence of a request is the epoch of one claim in the store. The claim tells who owns (the process that wrote it), where the
// partition began under it (its offset), and which incarnation of the topic the records are of (its topic id). A fence that no
// version carries is a violation by itself.
//
// # What is judged, and why it is sound
//
//	I1   from the first to the last version of a key: each record the reader or the producer knows was acknowledged by an app,
//	     dead-lettered, dropped or lost by declaration, or passed by an operator's write.
//	I2   a version is compared with answers under its own fence that were begun before it was sent to Consul. An app logs its
//	     answer before it sends it, so a sidecar that waits for the answer can't be earlier; one that commits without an answer
//	     is. An answer that was begun when the app had already seen the connection closed does not count. One that was lost
//	     later does, for nobody outside can tell that it was: so a commit without an answer that the app just then gave is not
//	     found, and it is no loss.
//	I3   by ModifyIndex, which is Consul's own order.
//	I4   under one fence no request begins above the first record that was not settled when it was received. Two requests of a
//	     partition overlap from receiving to answering. It is no violation when the earlier was let go (the app saw its
//	     connection closed, a slack later at most), had timed out, or its app stood still; under different fences also when the
//	     owner of the lower one was killed, frozen or cut off from Kafka, which can't tell it in time. What an app reads right
//	     after it stood still was sent at an unknown time and proves no overlap.
//	I5   nothing below the claimed offset or a commit that stood before comes. A record that comes after it was acknowledged
//	     needs a cause: the answer may not have been heard (closed, timed out, one end died or stood still), it stood behind a
//	     rejected record that blocks, an operator went back, or under another fence: it was above the last offset stored under
//	     the old one, and within one commit interval and one store deadline after the acknowledgement a fault began or went on.
//	     A clean stop or rebalance is no cause. One acknowledgement excuses one repeat, so repeats are bounded by the
//	     acknowledgements that have an excuse: the number in brackets in the table. Batch ids are recomputed.
//	I6   epochs by ModifyIndex; an epoch has one owner, an owner one process. At the apps a lower fence after a higher one
//	     comes only from an owner who was frozen, killed or cut off: fencing protects the store, and lets the app refuse; it
//	     can't stop a request that is on its way.
//	I7   digests of everything delivered and dead-lettered against the log.
//	I8   when everything that was produced before a heal is stored as done; while other faults are on the bound does not run.
//	     At the end: stored offsets at the ends of the logs, one holder for each partition, an idle CPU.
//	I9   each sample against the bounds.
//	I10  a partition that is not in the baseline begins below every record that the log still had at the end. Older ones may
//	     have been deleted before it was seen.
//	I11  offsets that a claim moved, dead letters, and new baselines have events; events are counted in the metrics; blocks
//	     stand in event, status and metrics at the same time. What a sidecar was about to say when it was killed is excused.
//	I12  the topic's document, whole, and the partition's claim stood before the first request: sent on before, and while
//	     Consul is well, answered before. Under "latest" no record that was sent after the document was written lies below the
//	     baseline.
//
// An operator's versions may do anything and are where counting begins anew. A write of unknown outcome is used where it excuses
// (it may have been applied) and never where it would accuse.
//
// What is left open: conditions of condemning a record, counts of attempts, waits, and the times of back-off. The tests of the
// engine judge these.
package oracle
