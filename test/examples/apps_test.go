package examples

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// withoutSDK are the examples that speak HTTP and JSON themselves, with the program each needs.
var withoutSDK = map[string]string{"go": "go", "node": "node"}

// TestAppsWithoutSDK runs each as its README says, once for every way a value is written in a body.
func TestAppsWithoutSDK(t *testing.T) {
	for folder, program := range withoutSDK {
		for _, form := range []string{"auto", "json", "base64"} {
			t.Run(folder+"/"+form, func(t *testing.T) {
				need(t, program)
				e := open(t, folder)
				e.startApp()
				e.startSidecar("SIDECAR_BATCH_VALUE=" + form)
				e.checkOrders()
				e.stop()
			})
		}
	}
}

func TestAppsWithoutSDKHandleOneBatchOfAPartitionAtATime(t *testing.T) {
	for folder, program := range withoutSDK {
		t.Run(folder, func(t *testing.T) {
			need(t, program)
			e := open(t, folder)
			e.startApp("WORK_SECONDS=3")
			e.checkOneAtATime()
		})
	}
}

// smallBatch is one order of the largest offset there is, above what a double holds exactly, and one record that is none.
const smallBatch = `{"batch":"e0a6f0d27b0fa3c1a9a1c3bd3e7c2a11","group":"g","attempt":1,"partitions":[{"topic":"orders","partition":0,
"fromOffset":9223372036854775804,"untilOffset":9223372036854775807,"fence":1,"records":[
{"offset":9223372036854775805,"timestamp":-1,"key":"o1","value":"{\"customer\":\"ada\",\"cents\":1}","headers":[]},
{"offset":9223372036854775806,"timestamp":-1,"key":"o2","value":"{\"offset\":9223372036854775806}","headers":[]}]}]}`

// answer is what an app answered to a batch.
type answer struct {
	status     int
	retryAfter string
	body       string
	err        error
}

func post(url, body string) answer {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Sidecar-Protocol": "1", "Sidecar-Attempt": "1",
		"Sidecar-Batch": "e0a6f0d27b0fa3c1a9a1c3bd3e7c2a11",
	} {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	var text strings.Builder
	_, err = io.Copy(&text, resp.Body)
	return answer{resp.StatusCode, resp.Header.Get("Retry-After"), text.String(), err}
}

// checkOneAtATime sends the same batch twice at once to an app whose work takes a while: one is refused with 503
// while the other is being handled, and that one is answered although SIGTERM came meanwhile.
func (e *example) checkOneAtATime() {
	e.t.Helper()
	answers := make(chan answer, 2)
	for range 2 {
		go func() { answers <- post(e.url+"/batches", smallBatch) }()
	}
	first := <-answers
	require.NoError(e.t, first.err)
	require.Equal(e.t, http.StatusServiceUnavailable, first.status, first.body)
	require.Equal(e.t, "1", first.retryAfter)

	e.app.Signal(syscall.SIGTERM)
	second := <-answers
	require.NoError(e.t, second.err)
	require.Equal(e.t, http.StatusOK, second.status, second.body)
	require.Contains(e.t, second.body, `"offset":9223372036854775806,`)
	require.Equal(e.t, 1, strings.Count(second.body, "offset"), second.body)
	require.Equal(e.t, 0, e.app.Wait(soon), "exit code of the app")
}
