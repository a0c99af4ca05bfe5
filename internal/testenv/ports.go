package testenv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// Ports are taken from below the range the kernel gives to outgoing connections (32768 and up on
// Linux): a server that is down for a moment must find its port free again, and a client that dials
// the port meanwhile must not connect to itself.
const (
	firstPort = 15000
	lastPort  = 32000
)

// reserved are the files whose locks keep ports for this process, as long as it runs: a server of one test binary
// that is down for a moment would else lose its port to another test binary.
var reserved struct {
	sync.Mutex
	files []*os.File
}

// freePorts returns n different ports that nothing listens on, kept from all test binaries of this user. Another
// program may still take one before it is used: starts try again with others.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range 1000 {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		ours, err := reserve(port)
		if err != nil {
			return nil, fmt.Errorf("reserve port %d: %w", port, err)
		}
		if !ours {
			continue
		}
		if l, err := net.Listen("tcp", loopback(port)); err == nil {
			l.Close()
			ports = append(ports, port)
		}
	}
	return nil, fmt.Errorf("find %d free ports between %d and %d: all tries were taken", n, firstPort, lastPort)
}

// reserve says whether the port is this process's now. A port that was reserved before, by whomever, is not.
func reserve(port int) (bool, error) {
	dir := filepath.Join(cacheDir(), "test-ports")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, err
	}
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		return false, err
	}
	reserved.Lock()
	defer reserved.Unlock()
	reserved.files = append(reserved.files, f)
	return true, nil
}

// FreeAddr is a "127.0.0.1:port" that nothing listens on at this moment, for a program that is told its port.
func FreeAddr(t testing.TB) string {
	t.Helper()
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return loopback(ports[0])
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
