// Package app is the application of the fault suite: a process of its own, so that it can really be killed, that logs what it
// receives and answers in the form of oracle.AppLine, and that misbehaves on command.
//
// The process is the test binary itself, started again with an environment variable; its TestMain calls RunIfAsked first. The
// test holds an App, which starts one process after another at the same address.
//
// Invariants:
//   - A line is in the file, by one write(2), before what it tells of is done: a request is logged before it is handled, an answer
//     before its first byte.
//   - It follows the protocol wherever its behaviour does not say otherwise, and refuses a partition that it still works on.
//   - It reads bodies with a decoder that shares nothing with the sidecar's encoder. A body that it can't read ends it with code 3:
//     the test sees an app that has crashed by itself.
package app
