// Package docs tests the documents at the root of the repository: every command of README.md and of docs/offsets.md is run,
// in order, against real servers, and what the documents say of keys, metrics, reasons, files and tests is compared
// with the code.
//
// Invariants:
//   - A fenced block of these two is run, written to a file, compared with real output, or fails the
//     test: none is passed over. `make demo` and `make test` themselves are run by .ci/run, which is checked.
//   - Only addresses are changed before a command is run (see ports in session_test.go).
//
// Goroutines: one per server of a `sh server` block waits for its end; it ends with the test.
package docs
