package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Ports are taken from below the range the kernel gives to outgoing connections (32768 and up on
// Linux): a server that is down for a moment must find its port free again, and a client that dials
// the port meanwhile must not connect to itself.
const (
	firstPort = 15000
	lastPort  = 32000
)

// freePorts returns n different ports that nothing listens on at this moment. Somebody else may take
// one before it is used: starts try again with others.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range 1000 {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		defer l.Close() // all are held until the last is found, so they differ
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("find %d free ports between %d and %d: all tries were taken", n, firstPort, lastPort)
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
