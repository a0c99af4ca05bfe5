// Command bench measures what the sidecar costs, on real Kafka and real Consul, and says it as ratios to a bare consumer of the
// same round:
//
//	go run ./bench -rounds 9 -out docs/performance.md
//
// Invariants:
//   - Cases take turns: each round runs every case once, so that a machine that gets slower meanwhile is slower for all.
//   - Every process that is measured is a process of its own, started anew for each run: its CPU time is what the kernel
//     counted over its whole life, its memory the high-water mark.
//   - A figure that is printed was measured by this command in this run.
//
// Goroutines: two per child process (its output, its end), and those of a producer. Each ends with its run.
//
// The files: cases_*.go name what is measured, drain.go, paced.go, idle.go and backlog.go run one case, child.go and proc.go
// measure a process, series.go, table.go, goals.go and report.go make figures of it. bare.go and app.go are the two programs in
// Go that are measured, apps/ has those in Python and Java.
package main
