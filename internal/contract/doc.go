// Package contract plays requests of protocol version 1 against an application and says in words what it
// gets wrong.
//
// Invariants:
//   - A request is what the sidecar itself would send: body and head come from pkg/deliver, and only what a
//     trial is about is changed.
//   - What an answer to a batch means is asked of pkg/deliver: there is no second answer table here.
//   - No run repeats the records of another: the start of the run is part of every topic and is the fence.
//     An application that skips what it has seen is tested again by the next run.
//   - Whatever the application answers, or does not, a run ends: every request has a deadline, an answer is
//     read up to a limit, waiting for a busy application has a budget.
//   - A finding shows a status and up to 200 bytes of what the application answered, never a token or the
//     password of the URL.
//
// Goroutines: none of its own. While a request runs its connection is closed when the context ends.
package contract
