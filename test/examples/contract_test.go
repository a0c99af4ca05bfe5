package examples

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

func TestAppsWithoutSDKKeepTheContract(t *testing.T) {
	for folder, program := range withoutSDK {
		t.Run(folder, func(t *testing.T) {
			need(t, program)
			e := open(t, folder)
			e.startApp()
			e.checkContract("json", "auto", "json", "base64")
		})
	}
}

// checkContract plays the requests of the protocol to the app, with values written in each of the ways given.
func (e *example) checkContract(format string, values ...string) {
	e.t.Helper()
	for _, value := range values {
		code, output := testenv.RunSidecar(e.t, "contract", "--url", e.url+"/batches", "--format", format, "--value", value,
			"--sample", `{"customer":"ada","cents":1}`)
		require.Equal(e.t, 0, code, "sidecar contract --format %s --value %s says:\n%s", format, value, output)
		require.Contains(e.t, output, " 0 notes, 0 failed", "sidecar contract --format %s --value %s says:\n%s", format, value, output)
	}
}
