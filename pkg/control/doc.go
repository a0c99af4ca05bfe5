// Package control carries out what operators want of a group's offsets: seek, pause, resume, skip, import, forget. Each is a plan first,
// which changes nothing, and then a write to the store, so that it needs no route to the replica that owns a partition and works
// whether the group runs or not.
//
// Invariants:
//   - A change is a compare-and-set under a higher epoch by the owner operator/<user>@<host>/<nonce>. It fences the owner of the moment: what that one has in
//     flight is acknowledged to nobody, and it claims again from the offset found.
//   - One transaction holds the partitions' keys, the topic's document with a higher revision, by which idle owners learn of it, and the line of the
//     operators' log.
//   - A plan is carried out only against the revision it was made of: of two operators at once the second is told to look again.
//   - Nothing is clamped. An offset outside the log is refused with both bounds unless it is forced.
//
// Goroutines: none. All methods may be called concurrently.
package control
