// Package examples runs the apps of the folder examples as their READMEs say, against a real Kafka broker and a real
// Consul server, and checks what a reader would see.
//
// A README there has blocks of these kinds, and a test runs the text that stands in them:
//
//	```sh            set-up, run to its end, in the order of the document
//	```sh app        starts the app; takes its port from the variable PORT
//	```sh sidecar    starts the sidecar
//	```sh totals     prints the totals as JSON; without it they are asked of the app: GET /totals
//
// All are run in the folder of the README. Only variables that the documents name tell a test's addresses and names
// to the commands; what a test replaces in a command stands in that test.
//
// Every app keeps the same totals, so that one check fits all: see examples/README.md.
package examples
