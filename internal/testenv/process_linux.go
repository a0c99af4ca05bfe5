package testenv

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// sysProcAttr puts the process into a group of its own (a Ctrl-C at the terminal goes to the test
// alone) and has the kernel kill it when the test process dies without cleaning up. The signal is tied to
// the thread that started the process; Go keeps its threads unless a goroutine locked to one ends.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// stopped is nil when every thread of the process is stopped, or has ended.
func stopped(pid int) error {
	threads, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "stat"))
	if err != nil {
		return err
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// The state follows the name of the program, which stands in brackets and may hold any byte.
		_, after, found := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		if found && len(after) > 0 && !bytes.ContainsAny(after[:1], "TtZX") {
			return fmt.Errorf("a thread is in state %c", after[0])
		}
	}
	return nil
}
