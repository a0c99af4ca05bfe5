package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

const (
	// cgroupRoot is where a container sees its own control group.
	cgroupRoot = "/sys/fs/cgroup"
	// gcPercent lets the heap grow further between collections than Go's 100: records live briefly and
	// the soft limit bounds the growth. Source: measured, 200 to 400 is best.
	gcPercent = 200
	// baseMemory is what Go's part of the process needs beside records and bodies: clients, connections, a fetch
	// under way, and what the collector needs to keep up. With the binary's own pages, which Go does not
	// count, it is below the 64 MiB that are promised.
	baseMemory = 44 << 20
)

// memoryLimit is the soft limit of Go's memory: the budget, the bodies of the lanes (two each, twice as
// large as allowed while they grow) and the rest; less where the container has less.
func memoryLimit(c *configuration, container int64) int64 {
	limit := c.relay.MemoryMaxBytes + bodies(c) + baseMemory
	return min(limit, container-container/8)
}

func bodies(c *configuration) int64 { return 4 * int64(c.relay.Lanes) * int64(c.relay.MaxBytes) }

// tuneMemory sets the collector unless the user did, by Go's own variables. It warns when the budget does not fit
// into the container.
func tuneMemory(c *configuration, environ []string, cgroup string) {
	container := containerMemory(cgroup)
	if lookup(environ, "GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(c, container))
	}
	if lookup(environ, "GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if needs := c.relay.MemoryMaxBytes + bodies(c) + 60<<20; needs > container {
		c.warnings = append(c.warnings, fmt.Sprintf("memory.max_bytes (%s) may need %d MiB in all and the container has %d MiB: lower it, or the process may be killed",
			sizeText(c.relay.MemoryMaxBytes), needs>>20, container>>20))
	}
}

// containerMemory is the memory limit of the control group that is mounted at dir, version 2 or 1; the largest number without one.
func containerMemory(dir string) int64 {
	for _, name := range []string{"memory.max", "memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
			return n // else it is "max"
		}
	}
	return math.MaxInt64
}
