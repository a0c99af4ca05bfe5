// Package alert tells a webhook of trouble, and when it is over. It looks at the engine as the admin listener does and knows nothing of its inside.
//
// Invariants:
//   - Nothing waits for a webhook: what does not fit into the queue is dropped and counted.
//   - The end of a trouble is told only if the trouble was, and a trouble that lasts is told sooner or later, whatever limits hold it back at first.
//   - What is told has a bound: one trouble at most every 10 minutes, 10 single alerts of a kind a minute, then one that sums up.
//
// Goroutines: Run has two, one that looks and one that sends; both have ended when it returns. The state of looking belongs to the first alone.
package alert
