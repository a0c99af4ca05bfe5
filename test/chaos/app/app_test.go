package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/protocol"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

func TestMain(m *testing.M) {
	RunIfAsked()
	testenv.Main(m)
}

// bench is a running app and what the oracle reads of its logs.
type bench struct {
	*App
	t   *testing.T
	dir string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{New(t, "a1", dir), t, dir}
	require.Equal(t, "a1/1", b.Start())
	return b
}

// example is a batch of two partitions with three records.
const example = `{"batch":"b1","group":"billing","attempt":2,"partitions":[
	{"topic":"orders","partition":3,"fromOffset":4,"untilOffset":8,"fence":9,"records":[
		{"offset":5,"timestamp":1,"keyBase64":"AAE=","value":"x","headers":[{"name":"n","value":null}]},
		{"offset":7,"timestamp":1,"key":null,"value":null,"headers":[]}]},
	{"topic":"orders","partition":4,"fromOffset":0,"untilOffset":1,"fence":1,"records":[
		{"offset":0,"timestamp":-1,"key":"","value":"","headers":[]}]}]}`

// post sends a batch and returns the answer as far as it came.
func (b *bench) post(within time.Duration) (status int, body string, err error) {
	return b.send("application/json", []byte(example), "b1", within)
}

func (b *bench) send(format string, batch []byte, id string, within time.Duration) (status int, body string, err error) {
	client := http.Client{Timeout: within, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequest(http.MethodPost, b.URL(), bytes.NewReader(batch))
	require.NoError(b.t, err)
	r.Header.Set("Content-Type", format)
	r.Header.Set("Sidecar-Batch", id)
	resp, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(all), err
}

// log is what stands in the file of one life.
func (b *bench) log(life int) (log []oracle.AppLine) {
	b.t.Helper()
	file, err := os.Open(filepath.Join(b.dir, fmt.Sprintf("app-a1-%d.jsonl", life)))
	require.NoError(b.t, err)
	defer file.Close()
	for lines := json.NewDecoder(file); lines.More(); {
		var line oracle.AppLine
		require.NoError(b.t, lines.Decode(&line))
		log = append(log, line)
	}
	return log
}

// waitLines waits until the log of a life has n lines and returns them.
func (b *bench) waitLines(life, n int) (log []oracle.AppLine) {
	b.t.Helper()
	testenv.Eventually(b.t, 30*time.Second, "the log", func() error {
		if log = b.log(life); len(log) != n {
			return fmt.Errorf("it has %d lines, not %d", len(log), n)
		}
		return nil
	})
	return log
}

// waitAnswer waits until the newest request of a life has its answer in the log and returns that line. When the app notices
// that a client has left is another matter: such a line may stand anywhere.
func (b *bench) waitAnswer(life int) (answer oracle.AppLine) {
	b.t.Helper()
	testenv.Eventually(b.t, 30*time.Second, "the answer in the log", func() error {
		answer = oracle.AppLine{}
		var ask oracle.AppLine
		for _, line := range b.log(life) {
			switch {
			case line.What == oracle.Ask:
				ask = line
			case line.What == oracle.Answer && line.N == ask.N:
				answer = line
			}
		}
		if ask.N == 0 || answer.N != ask.N {
			return errors.New("it is not there")
		}
		return nil
	})
	return answer
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

const long = 20 * time.Second

func TestAGoodAppLogsWhatItReceivesAndAcknowledges(t *testing.T) {
	b := newBench(t)
	status, body, err := b.post(long)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, body)
	log := b.log(1)
	require.Len(t, log, 3)
	require.Equal(t, []string{oracle.Up, oracle.Ask, oracle.Answer}, []string{log[0].What, log[1].What, log[2].What})
	require.Equal(t, "a1/1", log[0].Proc)
	ask := log[1]
	require.Equal(t, "b1", ask.Batch)
	require.Equal(t, 2, ask.Attempt)
	require.Equal(t, []int64{5, 7}, ask.Parts[0].Offsets)
	require.Equal(t, oracle.DigestOf(1, []byte{0, 1}, []byte("x"), []oracle.Header{{Name: []byte("n")}}), ask.Parts[0].Digests[0])
	require.Equal(t, oracle.DigestOf(1, nil, nil, nil), ask.Parts[0].Digests[1])
	require.Equal(t, oracle.DigestOf(-1, []byte{}, []byte{}, nil), ask.Parts[1].Digests[0])
	require.Equal(t, int64(9), ask.Parts[0].Fence)
	require.Equal(t, http.StatusOK, log[2].Status)
	require.Equal(t, ask.N, log[2].N)
}

func TestBothFormatsOfTheVectorsHaveTheSameContent(t *testing.T) {
	b := newBench(t)
	var vectors protocol.EncodeFile
	require.NoError(t, protocol.Read("encode.json", &vectors))
	for _, c := range vectors.Cases {
		for format, body := range map[string][]byte{"application/json": []byte(c.Auto), "application/vnd.kafka-sidecar.columns": c.Columns} {
			status, _, err := b.send(format, body, c.ID, long)
			require.NoError(t, err, c.Name)
			require.Equal(t, http.StatusOK, status, c.Name)
		}
	}
	log := b.log(1)[1:]
	require.Len(t, log, 4*len(vectors.Cases))
	for i := 0; i < len(log); i += 4 {
		require.Equal(t, log[i].Parts, log[i+2].Parts)
	}
}

func TestEachMisbehaviour(t *testing.T) {
	b := newBench(t)
	tell := func(x Behaviour) (status int, body string, answer oracle.AppLine, err error) {
		t.Helper()
		b.Behave(x)
		status, body, err = b.post(time.Second)
		b.Behave(Behaviour{})
		return status, body, b.waitAnswer(1), err
	}

	status, _, line, err := tell(Behaviour{Kind: Status, Status: 503, RetryAfter: "2"})
	require.NoError(t, err)
	require.Equal(t, 503, status)
	require.Equal(t, 503, line.Status)

	_, body, line, err := tell(Behaviour{Kind: Garbage})
	require.NoError(t, err)
	require.Equal(t, "<html>OK</html>", body)
	require.Equal(t, "garbage", line.Broken)

	_, body, line, err = tell(Behaviour{Kind: Huge})
	require.NoError(t, err)
	require.Greater(t, len(body), 1<<20)
	require.Equal(t, "huge", line.Broken)

	status, body, line, err = tell(Behaviour{Kind: CloseAfterHeaders})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, body)
	require.Equal(t, "cut", line.Broken)

	start := time.Now()
	_, body, _, err = tell(Behaviour{Kind: Trickle, Delay: 300 * time.Millisecond})
	require.NoError(t, err)
	require.Equal(t, `{"failures":[]}`, body)
	require.Greater(t, time.Since(start), 250*time.Millisecond)

	_, body, line, err = tell(Behaviour{Kind: WrongOffset})
	require.NoError(t, err)
	require.Contains(t, body, `"offset":8`)
	require.EqualValues(t, 8, line.Failures[0].Offset)
}

func TestRecordsAreRejectedAndRetriedByContent(t *testing.T) {
	b := newBench(t)
	b.Behave(Behaviour{Kind: Reject, OneIn: 1})
	_, body, err := b.post(long)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(body, `"reject"`))
	b.Behave(Behaviour{Kind: Retry, OneIn: 1, Delay: 50 * time.Millisecond})
	for _, retries := range []int{2, 1, 0} { // a partition's first record that was not retried before
		_, body, err = b.post(long)
		require.NoError(t, err)
		require.Equal(t, retries, strings.Count(body, `"retry","reason":"picked by its content","retryAfterMs":50`), body)
	}
	b.Behave(Behaviour{Kind: Status, Status: 500, Times: 1})
	for _, want := range []int{500, 200} {
		status, _, err := b.post(long)
		require.NoError(t, err)
		require.Equal(t, want, status)
	}
}

func TestAnAppThatAnswersTooLateOrNeverSaysWhenItWasLeft(t *testing.T) {
	b := newBench(t)
	b.Behave(Behaviour{Kind: Hang})
	_, _, err := b.post(300 * time.Millisecond)
	require.True(t, isTimeout(err))
	log := b.waitLines(1, 4)
	require.ElementsMatch(t, []string{oracle.Gone, oracle.Answer}, []string{log[2].What, log[3].What})
	require.Zero(t, log[2].Status+log[3].Status)

	b.Behave(Behaviour{Kind: Slow, Delay: time.Second})
	_, _, err = b.post(300 * time.Millisecond)
	require.True(t, isTimeout(err))
	log = b.waitLines(1, 6)
	require.Equal(t, oracle.Gone, log[5].What)
	status, _, err := b.post(long)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, status, "the earlier handler still works on the partitions")
	log = b.waitLines(1, 9)
	require.Equal(t, oracle.Answer, log[8].What)
	require.Equal(t, http.StatusOK, log[8].Status, "it acknowledged though nobody listened")
}

func TestAnAppDiesPausesAndStops(t *testing.T) {
	b := newBench(t)
	b.Behave(Behaviour{Kind: Die})
	_, _, err := b.post(long)
	require.Error(t, err)
	testenv.Eventually(t, long, "its death", func() error {
		if b.Running() {
			return errors.New("it runs")
		}
		return nil
	})
	require.NoError(t, b.Muddled())
	require.Len(t, b.log(1), 2, "received, not answered")
	_, _, err = b.post(long)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	require.Equal(t, "a1/2", b.Start())
	_, _, err = b.post(long)
	require.NoError(t, err)
	b.Pause()
	_, _, err = b.post(300 * time.Millisecond)
	require.True(t, isTimeout(err))
	b.Resume()
	b.Stop()

	b.Start()
	_, _, err = b.send("application/json", []byte(`{"batch":"other"}`), "b1", long)
	require.Error(t, err)
	testenv.Eventually(t, long, "it to give up", func() error {
		if b.Muddled() == nil {
			return errors.New("it has not")
		}
		return nil
	})
	require.ErrorContains(t, b.Muddled(), "can't be read")
}
