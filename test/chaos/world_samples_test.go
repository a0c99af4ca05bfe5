package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

const (
	sampleEvery  = time.Second
	sampleWithin = 900 * time.Millisecond // a frozen process answers nothing
)

// subject is a living sidecar process that is looked at.
type subject struct {
	proc           string // as in oracle.Mark
	pid            int
	admin, metrics string
}

// watch looks at every sidecar each second until stop, which waits for the looks under way. now says which process lives; it is
// called from other goroutines.
func watch(lines *journal, sidecars int, now func(i int) (subject, bool)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var watchers sync.WaitGroup
	for i := range sidecars {
		watchers.Go(func() {
			tick := time.NewTicker(sampleEvery)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				s, ok := now(i)
				if !ok {
					continue
				}
				sample, err := s.look(ctx)
				if after, _ := now(i); err == nil && after == s { // a look that failed is not logged, nor one at two lives
					lines.add(sample)
				}
			}
		})
	}
	return func() { cancel(); watchers.Wait() }
}

// look takes one sample.
func (s *subject) look(ctx context.Context) (*oracle.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleWithin)
	defer cancel()
	var status relay.Status
	text, err := get(ctx, "http://"+s.admin+"/v1/status")
	if err == nil {
		err = json.Unmarshal(text, &status)
	}
	if err != nil {
		return nil, err
	}
	metrics, err := get(ctx, "http://"+s.metrics+"/metrics")
	if err != nil {
		return nil, err
	}
	sample := &oracle.Sample{Proc: s.proc}
	readStatus(sample, &status)
	readMetrics(sample, string(metrics))
	if err := readProcess(sample, s.pid); err != nil {
		return nil, err
	}
	sample.Time = nanos()
	return sample, nil
}

// readStatus notes what is held and blocked. A missing topic is an alarm, not a block: nothing is held back that is there.
func readStatus(sample *oracle.Sample, status *relay.Status) {
	for i := range status.Partitions {
		p := &status.Partitions[i]
		place := oracle.Place{Topic: p.Topic, Partition: p.Partition}
		sample.Held = append(sample.Held, place)
		if p.Reason != "" && p.Reason != missing {
			sample.Blocked = append(sample.Blocked, oracle.Block{Place: place, Reason: p.Reason})
		}
	}
}

const missing = "topic_missing"

// series is a line of the Prometheus text: name, labels, value.
var series = regexp.MustCompile(`(?m)^(sidecar_\w+)\{([^}]*)\} (\S+)$`)

var label = regexp.MustCompile(`(\w+)="([^"]*)"`)

func readMetrics(sample *oracle.Sample, text string) {
	for _, line := range series.FindAllStringSubmatch(text, -1) {
		labels := map[string]string{}
		for _, l := range label.FindAllStringSubmatch(line[2], -1) {
			labels[l[1]] = l[2]
		}
		value, _ := strconv.ParseFloat(line[3], 64) // 0 for what is no number
		switch line[1] {
		case "sidecar_partition_blocked":
			n, _ := strconv.Atoi(labels["partition"])
			if reason := labels["reason"]; value == 1 && reason != missing {
				place := oracle.Place{Topic: labels["topic"], Partition: int32(n)}
				sample.MetricBlocked = append(sample.MetricBlocked, oracle.Block{Place: place, Reason: reason})
			}
		case "sidecar_records_lost_total":
			sample.LostTotal += int64(value)
		case "sidecar_dead_letters_total":
			switch labels["policy"] {
			case "topic":
				sample.LettersTotal += int64(value)
			case "drop":
				sample.DroppedTotal += int64(value)
			}
		}
	}
	if found := goroutines.FindStringSubmatch(text); found != nil {
		sample.Goroutines, _ = strconv.Atoi(found[1])
	}
}

var goroutines = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)

// readProcess asks the system.
func readProcess(sample *oracle.Sample, pid int) error {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		return err
	}
	sample.Memory = pages * int64(os.Getpagesize())
	if sample.CPU, err = cpuSeconds(pid); err != nil {
		return err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return err
	}
	sample.Files = len(files)
	for _, f := range files {
		// A file that was closed meanwhile is no connection.
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, f.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			sample.Connections++
		}
	}
	return nil
}

// cpuSeconds is what the process has used since it began.
func cpuSeconds(pid int) (float64, error) {
	const ticks = 100 // a second, on every Linux
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(stat), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, errors.New("/proc: no stat of a process")
	}
	var used int64
	for _, f := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		used += n
	}
	return float64(used) / ticks, nil
}

func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", url, resp.StatusCode)
	}
	return io.ReadAll(resp.Body)
}
