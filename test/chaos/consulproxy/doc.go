// Package consulproxy stands between the sidecars and Consul's HTTP API. It records every change of a key in the form of
// oracle.Write, and it fails on command as a network or a server does.
//
// Invariants:
//   - A write that Consul answered as applied is in the log before its answer is handed on.
//   - A request that writes is carried through once it was forwarded, whether its client still waits or not, as a server does.
//   - Each version of a key is logged once: writing the same value again makes no version in Consul.
//   - What can't be recorded (sessions, trees) is refused with 501 rather than passed.
//
// The proxy does not look into the values. When Consul itself is down the proxy closes connections, where a client without it
// would be refused: cut the doors before Consul is killed and heal them after it is back, if the difference matters.
//
// Goroutines: one server per door, with one per connection; they have ended when Close returns. Watch runs in its caller's.
package consulproxy
