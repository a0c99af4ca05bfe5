package deliver

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Whatever a 2xx says, it is an ack only if it is empty or a JSON object that says what failed.
func FuzzAnswer(f *testing.F) {
	b, cases := readAnswers(f)
	for i := range cases {
		if body := cases[i].body(); len(body) < 1000 {
			f.Add(cases[i].Status, cases[i].Headers["Retry-After"], body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, retryAfter string, body []byte) {
		o := answer{status: status, retryAfter: retryAfter, body: body}.outcome(b, "POST http://app/", time.Now())
		require.NotZero(t, o.Kind)
		require.GreaterOrEqual(t, o.RetryAfter, time.Duration(0))
		require.LessOrEqual(t, o.RetryAfter, maxRetryAfter)
		if o.Kind != record.Acked {
			require.Empty(t, o.Failures)
			require.LessOrEqual(t, len(o.Detail), 600)
			return
		}
		require.True(t, status >= 200 && status <= 299)
		if len(bytes.TrimSpace(body)) == 0 {
			require.Empty(t, o.Failures)
			return
		}
		var fields map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &fields))
		listed := []json.RawMessage{}
		if raw, ok := fields["failures"]; ok {
			require.NoError(t, json.Unmarshal(raw, &listed))
		}
		require.Len(t, o.Failures, len(listed))
		for i, x := range o.Failures {
			require.NoError(t, named(x, b))
			require.Contains(t, []record.Action{record.Retry, record.Reject}, x.Action)
			require.GreaterOrEqual(t, x.RetryAfter, time.Duration(0))
			require.LessOrEqual(t, x.RetryAfter, maxRecordWait)
			if i > 0 {
				before := o.Failures[i-1]
				c := before.Compare(x.TopicPartition)
				require.True(t, c < 0 || c == 0 && before.Offset < x.Offset, "sorted, none twice")
			}
		}
	})
}
