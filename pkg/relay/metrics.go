package relay

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters and histograms of the engine; the gauges are read from a snapshot at
// scrape time, so series of a partition that moved away are gone with it.
type metrics struct {
	engine *Engine

	fetched, acked, batches, commits, lost, deadLetters *prometheus.CounterVec
	fenced                                              prometheus.Counter
	delivery, batchRecords, batchBytes, commit          prometheus.Histogram

	lag, committed, oldest, blocked, partitions, tracked *prometheus.Desc
	assigned, buffered, appUp, storeUp, kafkaUp          *prometheus.Desc
}

func newMetrics(reg prometheus.Registerer, e *Engine) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
		reg.MustRegister(h)
		return h
	}
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	seconds := prometheus.ExponentialBuckets(0.0005, 2, 16)
	m := &metrics{
		engine:       e,
		fetched:      counter("sidecar_records_fetched_total", "Records taken from Kafka.", "topic"),
		acked:        counter("sidecar_records_acked_total", "Records acknowledged by the app.", "topic"),
		batches:      counter("sidecar_batches_total", "Attempts to deliver a batch, by outcome; isolated counts batches that were split.", "outcome"),
		commits:      counter("sidecar_commits_total", "Transactions to the store, by result.", "result"),
		lost:         counter("sidecar_records_lost_total", "Offsets passed over because the log no longer has them.", "topic", "partition", "reason"),
		deadLetters:  counter("sidecar_dead_letters_total", "Records handed to the dead-letter policy.", "topic", "policy"),
		delivery:     histogram("sidecar_delivery_seconds", "Time from the start of a request to its answer.", seconds),
		batchRecords: histogram("sidecar_batch_records", "Records per batch.", prometheus.ExponentialBuckets(1, 2, 14)),
		batchBytes:   histogram("sidecar_batch_bytes", "Bytes per encoded batch.", prometheus.ExponentialBuckets(256, 4, 10)),
		commit:       histogram("sidecar_commit_seconds", "Time of one transaction to the store.", seconds),
		fenced:       prometheus.NewCounter(prometheus.CounterOpts{Name: "sidecar_fenced_total", Help: "Claims lost to another owner."}),
		lag:          gauge("sidecar_partition_lag", "Log end minus committed offset.", "topic", "partition"),
		committed:    gauge("sidecar_partition_committed_offset", "Next offset to deliver, as the store has it.", "topic", "partition"),
		oldest:       gauge("sidecar_partition_oldest_unacked_seconds", "Age of the oldest fetched record without an ack.", "topic", "partition"),
		blocked:      gauge("sidecar_partition_blocked", "1 while the partition waits for an app, an operator or a policy.", "topic", "partition", "reason"),
		partitions:   gauge("sidecar_topic_partitions", "Partitions as the brokers say.", "topic"),
		tracked:      gauge("sidecar_topic_partitions_tracked", "Partitions as the store has them.", "topic"),
		assigned:     gauge("sidecar_partitions_assigned", "Partitions assigned to this process."),
		buffered:     gauge("sidecar_buffered_bytes", "Bytes charged to the memory budget."),
		appUp:        gauge("sidecar_app_up", "1 while the app takes batches."),
		storeUp:      gauge("sidecar_store_up", "1 while the store answers."),
		kafkaUp:      gauge("sidecar_kafka_up", "1 while the brokers answer."),
	}
	reg.MustRegister(m.fenced, m)
	return m
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.lag, m.committed, m.oldest, m.blocked, m.partitions, m.tracked, m.assigned, m.buffered, m.appUp, m.storeUp, m.kafkaUp} {
		ch <- d
	}
}

// Collect implements prometheus.Collector by one snapshot.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := m.engine.Status(ctx)
	if err != nil {
		return // the engine has ended or hangs: /livez says so
	}
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, t := range s.Topics {
		set(m.partitions, float64(t.Partitions), t.Topic)
		set(m.tracked, float64(t.Tracked), t.Topic)
	}
	for i := range s.Partitions {
		p := &s.Partitions[i]
		n := partitionLabel(p.Partition)
		if p.Committed >= 0 {
			set(m.lag, float64(p.Lag), p.Topic, n)
			set(m.committed, float64(p.Committed), p.Topic, n)
		}
		set(m.oldest, p.OldestUnackedSeconds, p.Topic, n)
		if p.Reason != "" {
			set(m.blocked, 1, p.Topic, n, p.Reason)
		}
	}
	set(m.assigned, float64(len(s.Partitions)))
	set(m.buffered, float64(s.Memory.Used))
	set(m.appUp, truth(s.App.Up))
	set(m.storeUp, truth(s.Store.Up))
	set(m.kafkaUp, truth(s.Kafka.Up))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func partitionLabel(n int32) string { return strconv.Itoa(int(n)) }
