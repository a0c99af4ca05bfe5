// Command withpostgres runs another command with a PostgreSQL server of its own, for tests that are not written in Go:
//
//	go run ./internal/testenv/withpostgres -- mvn -q verify
//
// The command finds the server's address in SIDECAR_TEST_POSTGRES (postgres://postgres@127.0.0.1:port/postgres). Its
// exit code is passed on, 128 + number for a signal, and signals are passed on to it. The server ends with it.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "withpostgres: %v\n", err)
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 2, errors.New("name a command: withpostgres -- command args…")
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	server, err := testenv.StartPostgres()
	if err != nil {
		return 1, err
	}
	defer server.Close()

	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "SIDECAR_TEST_POSTGRES="+server.URL())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A group of its own, so that a Ctrl-C reaches it (and what it started) once: from here.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	return wait(cmd, signals)
}

// wait passes signals on to the command's group until the command has ended.
func wait(cmd *exec.Cmd, signals <-chan os.Signal) (int, error) {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			// Fails only when the command has ended meanwhile.
			_ = syscall.Kill(-cmd.Process.Pid, sig.(syscall.Signal))
		case err := <-ended:
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				return 1, err
			}
			return exitCode(cmd.ProcessState), nil
		}
	}
}

func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
