package deliver

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/protocol"
	"github.com/kafka-sidecar/kafka-sidecar/protocol/protocoltest"
)

func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	require.NoError(t, protocol.Read(name, into))
}

func newApp(t testing.TB, set func(*Config)) *App {
	t.Helper()
	cfg := DefaultConfig()
	set(&cfg)
	a, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	return a
}

func TestEncodeVectors(t *testing.T) {
	var file protocol.EncodeFile
	readVectors(t, "encode.json", &file)
	require.NotEmpty(t, file.Cases)
	auto := newApp(t, func(*Config) {})
	embedded := newApp(t, func(c *Config) { c.Value = "json" })
	base := newApp(t, func(c *Config) { c.Value = "base64" })
	columns := newApp(t, func(c *Config) { c.Format = "columns" })
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			assert.Equal(t, c.ID, c.Batch.Record().ID())
			// Behind something else, for Encode appends.
			assert.Equal(t, "before"+c.Auto, string(auto.Encode([]byte("before"), c.Batch.Record())))
			assert.Equal(t, c.JSON, string(embedded.Encode(nil, c.Batch.Record())))
			assert.Equal(t, c.Base64, string(base.Encode(nil, c.Batch.Record())))
			assert.Equal(t, c.Columns, columns.Encode([]byte("123"), c.Batch.Record())[3:])
		})
	}
}

func TestCutVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Name, Form string
			MaxBytes   int
			Batch      protocol.Batch
			Partitions []struct {
				protocol.Range
				Records int
			}
			Body []byte
		}
	}
	readVectors(t, "cut.json", &file)
	require.NotEmpty(t, file.Cases)
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			a := newApp(t, func(cfg *Config) {
				cfg.MaxBytes = c.MaxBytes
				if c.Form == "columns" {
					cfg.Format = "columns"
				} else {
					cfg.Value = c.Form
				}
			})
			b := c.Batch.Record()
			assert.Equal(t, string(c.Body), string(a.Encode(nil, b)))
			require.Len(t, b.Parts, len(c.Partitions))
			for i, p := range c.Partitions {
				p.Fence = b.Parts[i].Fence
				assert.Equal(t, p.Record(), b.Parts[i].Range)
				assert.Len(t, b.Parts[i].Records, p.Records)
			}
		})
	}
}

func TestIDVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Name, Group, ID string
			Partitions      []protocol.Range
		}
	}
	readVectors(t, "id.json", &file)
	require.NotEmpty(t, file.Cases)
	for _, c := range file.Cases {
		b := record.Batch{Group: c.Group}
		for _, p := range c.Partitions {
			b.Parts = append(b.Parts, record.Part{Range: p.Record()})
		}
		assert.Equal(t, c.ID, b.ID(), c.Name)
	}
}

// answerVector is a case of answer.json.
type answerVector struct {
	Name       string
	Status     int
	Headers    map[string]string
	Body       string
	BodyBase64 []byte
	BodyRepeat struct {
		Repeat string
		Times  int
	}
	Now     string
	Outcome struct {
		Kind         string
		RetryAfterMs int64
		Failures     []struct {
			Topic        string
			Partition    int32
			Offset       int64
			Action       string
			Reason       string
			RetryAfterMs int64
		}
	}
}

func (v *answerVector) body() []byte {
	if v.BodyBase64 != nil {
		return v.BodyBase64
	}
	return append([]byte(v.Body), strings.Repeat(v.BodyRepeat.Repeat, v.BodyRepeat.Times)...)
}

func (v *answerVector) want() record.Outcome {
	kinds := map[string]record.OutcomeKind{
		"acked": record.Acked, "busy": record.Busy, "refused": record.Refused, "setup": record.Setup, "failed": record.Failed,
	}
	o := record.Outcome{Kind: kinds[v.Outcome.Kind], RetryAfter: time.Duration(v.Outcome.RetryAfterMs) * time.Millisecond}
	for _, f := range v.Outcome.Failures {
		o.Failures = append(o.Failures, record.Failure{
			TopicPartition: record.TopicPartition{Topic: f.Topic, Partition: f.Partition},
			Offset:         f.Offset, Reason: f.Reason,
			Action:     map[string]record.Action{"retry": record.Retry, "reject": record.Reject}[f.Action],
			RetryAfter: time.Duration(f.RetryAfterMs) * time.Millisecond,
		})
	}
	return o
}

func readAnswers(t testing.TB) (*record.Batch, []answerVector) {
	t.Helper()
	var file struct {
		Batch []struct {
			Topic     string
			Partition int32
			Offsets   []int64
		}
		Cases []answerVector
	}
	readVectors(t, "answer.json", &file)
	require.NotEmpty(t, file.Cases)
	b := &record.Batch{Group: "billing", Attempt: 1}
	for _, p := range file.Batch {
		part := record.Part{Range: record.Range{
			TopicPartition: record.TopicPartition{Topic: p.Topic, Partition: p.Partition},
			From:           p.Offsets[0], Until: p.Offsets[len(p.Offsets)-1] + 1,
		}}
		for _, o := range p.Offsets {
			part.Records = append(part.Records, record.Record{Offset: o})
		}
		b.Parts = append(b.Parts, part)
	}
	return b, file.Cases
}

func TestAnswerVectors(t *testing.T) {
	b, cases := readAnswers(t)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			now := time.Unix(0, 0)
			if c.Now != "" {
				var err error
				now, err = time.Parse(time.RFC3339, c.Now)
				require.NoError(t, err)
			}
			a := answer{status: c.Status, retryAfter: c.Headers["Retry-After"], body: c.body()}
			if len(a.body) > MaxAnswer {
				a.tooLarge, a.body = true, nil
			}
			checkOutcome(t, c.want(), a.outcome(b, "POST http://app/", now))
			if c.Now == "" {
				checkOutcome(t, c.want(), Classify(b, "POST http://app/", c.Status, c.Headers["Retry-After"], c.body()))
			}
		})
	}
}

// checkOutcome compares what the vectors prescribe.
func checkOutcome(t *testing.T, want, got record.Outcome) {
	t.Helper()
	require.NotZero(t, want.Kind, "the vector's kind is not known")
	assert.Equal(t, want.Kind, got.Kind, got.Detail)
	assert.Equal(t, want.Failures, got.Failures)
	assert.Equal(t, want.RetryAfter, got.RetryAfter)
	if got.Kind == record.Acked {
		assert.Empty(t, got.Detail)
	} else {
		assert.Contains(t, got.Detail, " answered "+got.Status)
		assert.LessOrEqual(t, len(got.Detail), 600)
	}
}

func TestMalformedColumnsVectors(t *testing.T) {
	var file protocol.MalformedFile
	readVectors(t, "columns-malformed.json", &file)
	require.NotEmpty(t, file.Cases)
	_, err := protocoltest.DecodeColumns(file.Good)
	require.NoError(t, err)
	for _, c := range file.Cases {
		_, err := protocoltest.DecodeColumns(c.Body)
		assert.Error(t, err, c.Name)
		assert.NotEqual(t, file.Good, c.Body, c.Name)
	}
}
