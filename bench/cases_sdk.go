package main

// sdkCases: an app's own process behind the sidecar, against the same handler on a Kafka client of its language.
func sdkCases(options) []benchCase { return nil }
