// Package sdk tests the SDKs as their users run them: an app written with the public API of an SDK behind the real
// sidecar binary, with a real Kafka broker, a real Consul server and a real PostgreSQL server.
//
// The apps in apps/ behave alike. What they do with a record is written in its value ("reject:no such user", "exit"),
// and they log every record before they acknowledge it. What is right is decided by an oracle that trusts neither
// the SDK nor the sidecar: the producer's records, the apps' logs and the totals in the database. See oracle_test.go.
package sdk
