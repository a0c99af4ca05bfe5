// Package testenv gives tests the real systems: Apache Kafka and Consul (one server or a cluster), a PostgreSQL and a ZooKeeper server, proxies
// that break connections, the sidecar's own binary and an application that records what it is sent.
//
// Invariants:
//   - A missing server fails the test, it is never skipped: `make deps` fetches them.
//   - Every process is ended by its own pid, at the latest when the test ends; on Linux the kernel
//     ends it when the test process dies (a panic, a time-out of go test).
//   - Nothing waits blindly: a start returns when the server does its job, or fails at a deadline with
//     the server's own output.
//   - Methods that take no testing.TB fail the test they were made for: call them from its goroutine.
//
// Goroutines: one per running process waits for its end (see IgnoreServers), one per App serves HTTP, one per Load
// produces. Each ends with its owner.
package testenv
