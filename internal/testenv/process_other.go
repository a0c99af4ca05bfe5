//go:build unix && !linux

package testenv

import "syscall"

// sysProcAttr puts the process into a group of its own; the kernel has no death signal here.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// stopped can't be seen here without taking the process's end away from whoever waits for it.
func stopped(int) error { return nil }
