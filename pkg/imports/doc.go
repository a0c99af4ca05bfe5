// Package imports reads where a job that ran before the sidecar has come to: the offsets that a Spark checkpoint, ZooKeeper
// or a file keeps. It returns them as the next offsets to deliver and writes nothing.
//
// Invariants:
//   - What is returned is the next offset to deliver, whatever the source keeps: the last processed one is raised by one.
//   - What may not have been finished is delivered again, never left out, and a note says so.
//   - What can't be understood is an error that names the place and the value. Nothing is guessed or skipped: a partition that
//     is silently left out would start somewhere else.
//   - It is the only importer of the ZooKeeper client.
//
// Goroutines: those of the ZooKeeper client have ended when ZooKeeper returns.
package imports
