package imports

import (
	"testing"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
