// Package e2e tests the product as its users run it: the real binary between a real Kafka broker, a real Consul
// server and an HTTP application, with faults made by signals and by stopping servers.
//
// What is right is decided by an oracle that does not trust the sidecar: the producer's log of acknowledged
// records, the application's log of what it received and acknowledged, and a reader of the store. See oracle_test.go.
package e2e
