package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used so far.
type usage struct {
	cpu      time.Duration // user and system
	peak     int64         // bytes, largest resident size so far
	resident int64         // bytes, resident now
}

// usageOf asks the system about a running process. CPU time has a resolution of 10 ms.
func usageOf(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return usage{}, err
	}
	var u usage
	if u.cpu, err = parseStat(string(stat)); err != nil {
		return u, err
	}
	if u.peak, err = parseStatus(string(status), "VmHWM"); err != nil {
		return u, err
	}
	u.resident, err = parseStatus(string(status), "VmRSS")
	return u, err
}

// parseStat reads user and system time of /proc/PID/stat.
func parseStat(stat string) (time.Duration, error) {
	const tick = time.Second / 100               // on every Linux
	end := strings.LastIndex(stat, ") ")         // the name before it may hold anything
	fields := strings.Fields(stat[max(end, 0):]) // ")", state, …
	if end < 0 || len(fields) < 14 {
		return 0, errors.New("read /proc/PID/stat: it has another form")
	}
	var used time.Duration
	for _, f := range fields[12:14] { // utime and stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read /proc/PID/stat: %w", err)
		}
		used += time.Duration(n) * tick
	}
	return used, nil
}

// parseStatus reads a size of /proc/PID/status, in bytes.
func parseStatus(status, name string) (int64, error) {
	_, rest, found := strings.Cut("\n"+status, "\n"+name+":")
	line, _, _ := strings.Cut(rest, "\n")
	fields := strings.Fields(line)
	if !found || len(fields) != 2 || fields[1] != "kB" {
		return 0, fmt.Errorf("read /proc/PID/status: no %s in kB", name)
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	return n << 10, err
}
