package offsets_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
)

func TestConsulSuite(t *testing.T) {
	offsetstest.Suite(t, func(t *testing.T) offsetstest.Store {
		return openConsul(t, testenv.SharedConsul(t).Addr(), nil)
	})
}

// The suite again, as against a server that lacks get-or-empty.
func TestConsulSuiteKeyByKey(t *testing.T) {
	offsetstest.Suite(t, func(t *testing.T) offsetstest.Store {
		p := newProxy(t, testenv.SharedConsul(t).Addr())
		p.intercept(withoutGetOrEmpty)
		return openConsul(t, p.addr(), nil)
	})
}

func TestFileSuite(t *testing.T) {
	offsetstest.Suite(t, func(t *testing.T) offsetstest.Store { return openFile(t, t.TempDir()) })
}

// The suite again, with every write read back by another process's eyes.
func TestFileSuiteReopened(t *testing.T) {
	offsetstest.Suite(t, func(t *testing.T) offsetstest.Store {
		return reopening{openFile(t, t.TempDir()), t}
	})
}

// openConsul is a store under a prefix of the test's own and a group that needs escaping.
func openConsul(t *testing.T, addr string, change func(*offsets.ConsulConfig)) *offsets.Consul {
	t.Helper()
	cfg := offsets.DefaultConsulConfig()
	cfg.Prefix, cfg.Group, cfg.Address = "suite/"+testenv.Name(t, "offsets"), "team a/ü", addr
	if change != nil {
		change(&cfg)
	}
	c, err := offsets.NewConsul(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func openFile(t *testing.T, path string) *offsets.File {
	t.Helper()
	f, err := offsets.NewFile(offsets.FileConfig{Path: path, Group: "billing"})
	require.NoError(t, err)
	require.NoError(t, f.Open())
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}
