package chaos

import (
	"testing"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/app"
)

func TestMain(m *testing.M) {
	app.RunIfAsked()
	testenv.Main(m)
}
