// Package relay is the engine: it claims partitions, hands their records to the app in batches,
// tries again, isolates and condemns what fails, and commits what the app acknowledged.
//
// Invariants:
//
//   - An offset moves only in ack, which is called for an acknowledgement of the app, a durable dead
//     letter or a declared policy; nothing else writes partition.acked upwards.
//   - At most one batch that holds records of a partition is in flight, and records stay in the
//     partition's queue until they are acknowledged, so that trying again needs no copy.
//   - A chunk is accepted only under the number its reading was started with, a result only under the
//     claim its batch was made under.
//   - A claim is made in claim.go alone, a commit in commit.go alone; batches are split by split,
//     records condemned by judge.
//
// Goroutines: Run is the loop and owns all scheduling state (partitions, queues, lanes, topics), so
// that there is no lock; every other goroutine (two per lane, one per call to the outside, the
// group's) is started by go_ or async, touches no state but through post, and has ended when Run
// returns. The memory budget is shared between the loop and Feed and has a mutex of its own.
package relay
