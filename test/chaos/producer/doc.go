// Package producer is the load of the fault suite: it produces for the whole run, with every content that the sidecar must pass on,
// and logs in the form of oracle.Produced what the brokers acknowledged.
//
// Invariants:
//   - A line stands for an acknowledgement: of acks=all from the idempotent producer, or of the transaction's commit. What failed, was
//     given up or was aborted is counted and not logged; whether it is in the topic, a reader of the topic tells.
//   - Records of a partition are sent in the order of their header "seq", which has gaps but never repeats.
//   - It outlasts any outage: while the brokers do not answer it buffers to a bound and then makes no new records.
//
// Goroutines: one that produces, between Resume and Pause, besides those of the client. All have ended when Close returns.
package producer
