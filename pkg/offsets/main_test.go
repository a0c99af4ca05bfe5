package offsets_test

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
)

// holdLockEnv makes the test binary the second process of the lock tests: it opens the file store
// in that folder, says how that went and keeps it open until its input ends.
const holdLockEnv = "OFFSETS_TEST_HOLD_LOCK"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdLockEnv); path != "" {
		os.Exit(holdLock(path))
	}
	testenv.Main(m)
}

func holdLock(path string) int {
	f, err := offsets.NewFile(offsets.FileConfig{Path: path, Group: "billing"})
	if err == nil {
		err = f.Open()
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}
