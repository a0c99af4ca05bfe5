package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.uber.org/goleak"
)

// How long a server gets for its graceful stop before it is killed.
const stopWithin = 30 * time.Second

// process is one child process that can be started again with the same command. Its output goes to a
// file, appended over restarts. Not for concurrent use, but for the fields that reap hands over by done.
type process struct {
	name   string
	argv   []string
	env    []string            // added to cleanEnv
	dir    string              // working directory; "" = the test's
	output string              // path of the file
	as     *syscall.Credential // the user it runs as; nil = the test's

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended; exit is valid then
	exit int           // exit code; 128 + number for a signal
}

// IgnoreServers lets goleak pass while a shared server runs.
func IgnoreServers() goleak.Option {
	return goleak.IgnoreAnyFunction("github.com/kafka-sidecar/kafka-sidecar/internal/testenv.(*process).reap")
}

func (p *process) start() error {
	out, err := os.OpenFile(p.output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	defer out.Close() // the child has its own descriptor
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = p.dir
	cmd.Env = append(cleanEnv(), p.env...)
	cmd.SysProcAttr = sysProcAttr()
	cmd.SysProcAttr.Credential = p.as
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.cmd, p.done = cmd, make(chan struct{})
	go p.reap(cmd, p.done)
	return nil
}

// cleanEnv is the test's environment without what would configure the sidecar, Consul or PostgreSQL.
func cleanEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "SIDECAR_") || strings.HasPrefix(variable, "CONSUL_") || strings.HasPrefix(variable, "PG")
	})
}

// reap waits for the end of the process, whoever ends it.
func (p *process) reap(cmd *exec.Cmd, done chan struct{}) {
	_ = cmd.Wait() // the exit code says all of it
	p.exit = exitCode(cmd.ProcessState)
	close(done)
}

func exitCode(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}

// running says whether the process was started and has not ended. A stopped (SIGSTOP) process runs.
func (p *process) running() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) signal(sig os.Signal) error {
	if !p.running() {
		return fmt.Errorf("signal %s with %s: it is not running", p.name, sig)
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s with %s: %w", p.name, sig, err)
	}
	if sig != syscall.SIGSTOP {
		return nil
	}
	// It stops soon after the signal was sent: until then it may still answer.
	if err := poll(stopWithin, func() error { return stopped(p.cmd.Process.Pid) }); err != nil && p.running() {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	return nil
}

// wait returns the exit code, or an error when the process has not ended in time.
func (p *process) wait(within time.Duration) (int, error) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.exit, nil
	case <-timer.C:
		return 0, fmt.Errorf("wait for the end of %s: still running after %s", p.name, within)
	}
}

// kill ends the process at once and waits for it; nothing happens when it does not run.
func (p *process) kill() {
	if !p.running() {
		return
	}
	_ = p.cmd.Process.Kill() // fails only when the process has ended meanwhile
	<-p.done
}

// terminate asks the process to end (a paused one is resumed first) and kills it after stopWithin.
func (p *process) terminate() error {
	if !p.running() {
		return nil
	}
	if err := errors.Join(p.signal(syscall.SIGCONT), p.signal(syscall.SIGTERM)); err != nil && p.running() {
		return err
	}
	if _, err := p.wait(stopWithin); err != nil {
		p.kill()
		return err
	}
	return nil
}

func (p *process) pid() int {
	if !p.running() {
		return 0
	}
	return p.cmd.Process.Pid
}

// log is everything the process has written.
func (p *process) log() string {
	b, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// tail is the end of the log, for failures.
func (p *process) tail(lines int) string {
	all := strings.Split(strings.TrimRight(p.log(), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return fmt.Sprintf("--- last output of %s\n%s\n---", p.name, strings.Join(all, "\n"))
}

// startReady starts the process and polls ready until it is nil. An early end or a missed deadline
// kills what is left and fails with the output.
func (p *process) startReady(within time.Duration, ready func() error) error {
	if p.running() {
		return fmt.Errorf("start %s: it runs already", p.name)
	}
	if err := p.start(); err != nil {
		return err
	}
	err := poll(within, func() error {
		if !p.running() {
			return GiveUp("ended with code %d", p.exit)
		}
		return ready()
	})
	if err != nil {
		p.kill()
		return fmt.Errorf("start %s: %w\n%s", p.name, err, p.tail(60))
	}
	return nil
}
