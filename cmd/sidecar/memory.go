package main

import "runtime/debug"

const (
	// gcPercent lets the heap grow further between collections than Go's 100: records live briefly and
	// the soft limit bounds the growth. Source: measured, 200 to 400 is best.
	gcPercent = 300
	// baseMemory is what the process needs beside records: code, clients, connections.
	baseMemory = 64 << 20
)

// memoryLimit is the soft limit of the Go heap: half as much again as the budget, because a fetch per
// broker may pass it and decompression needs room, and the bodies of the lanes (two each, twice as
// large as allowed while they grow).
func memoryLimit(c *configuration) int64 {
	budget := c.relay.MemoryMaxBytes
	return budget + budget/2 + 4*int64(c.relay.Lanes)*int64(c.relay.MaxBytes) + baseMemory
}

// tuneMemory sets the collector unless the user did, by Go's own variables.
func tuneMemory(c *configuration, environ []string) {
	if lookup(environ, "GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(c))
	}
	if lookup(environ, "GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
