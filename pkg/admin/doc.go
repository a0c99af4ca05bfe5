// Package admin answers over HTTP how the sidecar is and takes an operator's orders: health and
// metrics on one listener; status, orders, drain and the page on another. A Dashboard is the page for all groups of a store,
// without a sidecar.
//
// Invariants:
//   - The metrics listener is read only. Everything that changes something is on the admin listener,
//     which is bound to loopback or a unix socket unless a token is set.
//   - A token that was set when the listener was opened is required for as long as it is open, also
//     when its file becomes empty.
//   - A request of a foreign web page is refused before anything is done.
//   - The page's files hold nothing secret, are served without the token, and may load nothing from elsewhere.
//   - Every other answer, errors included, is JSON (but /metrics and profiles), and no answer waits for a hanging engine
//     for longer than statusTimeout, except that of a drain, which waits for the drain.
//
// Goroutines: either Run has one for each listener and one that shuts them down; net/http has one per
// connection. All have ended when Run returns.
package admin
