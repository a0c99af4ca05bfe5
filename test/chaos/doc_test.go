// Package chaos breaks everything around the sidecar, and the sidecar, and has an oracle judge what came of it. The processes are
// real: brokers behind Toxiproxy, Consul behind a proxy that records every write, sidecars from the binary, an app process for each, a
// producer.
//
//   - world (world_*_test.go) is one topic, one group and all of these, with the logs that package oracle reads.
//   - menu (fault_*_test.go) is what can be done to a world: a value for each fault.
//   - Test<On><Fault> (on_*_test.go) are the scenarios: one fault each, with an assertion of its own beside the oracle's.
//   - TestRandomFaults draws from the menu by a seed, one fault at a time and several together.
//   - TestDeliberateBugs builds sidecars with a mistake each, and requires that the oracle names it.
//
// Scenarios of sidecars and apps share a broker and a Consul server and run side by side; those of Kafka and Consul have servers of
// their own. A scenario reads like this:
//
//	w := newWorld(t, settings{sidecars: 2})
//	w.start()
//	w.goesOn(200)                      // 200 records are consumed
//	f := w.inject(sidecarKilled, 0)    // the first replica
//	w.goesOn(200)                      // by the other one
//	f.heal()
//	w.finish()                         // everything is consumed, and every invariant held
package chaos
