package testenv

import "syscall"

// sysProcAttr puts the process into a group of its own (a Ctrl-C at the terminal goes to the test
// alone) and has the kernel kill it when the test process dies without cleaning up. The signal is tied to
// the thread that started the process; Go keeps its threads unless a goroutine locked to one ends.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
