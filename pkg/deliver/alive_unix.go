//go:build unix

package deliver

import (
	"net"
	"syscall"
	"time"
)

// alive reports whether a kept connection can carry another request: it is open, and there is
// nothing to read on it. Bytes that nobody asked for would be taken for the next answer.
func alive(conn net.Conn, deadline time.Time) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok || conn.SetReadDeadline(deadline) != nil {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	idle := false
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, err := syscall.Read(int(fd), one[:]) // the descriptor does not block
		idle = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	})
	return err == nil && idle
}
