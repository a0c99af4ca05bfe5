// Package deliver makes one attempt to hand one batch to the app: it writes the body of protocol
// version 1, posts it and says what the answer means. It is the only importer of fasthttp's client.
//
// Invariants:
//   - Nothing but a whole answer with a status of 2xx and a body the protocol knows is an ack. The
//     answer table stands in answer.go and nowhere else.
//   - A body is always valid JSON (or a valid columns body), whatever bytes a record holds, and gives
//     the same bytes back. After Encode the batch names exactly what the body holds.
//   - A request is sent at most once per Send. It is sent again over a fresh connection only if the
//     kept one took not a single byte of it.
//   - A connection carries an answer to its own request only: one that holds unread bytes, or was
//     closed, timed out or cancelled, is never used again. A late answer can't acknowledge a later batch.
//   - Details for people hold the status and up to 200 bytes of what the app answered, never a
//     record's content, a token or a password.
//
// Goroutines: none of its own. Send lets a function run when its context ends, which closes the
// connection, and waits for that function before it returns.
package deliver
