package sdk

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

func TestEveryRecordIsAppliedOnceAndInOrder(t *testing.T) {
	inEachFormat(t, func(t *testing.T, l language, format testenv.SidecarOption) {
		s := newScene(t, 4)
		app := startApp(t, l)
		s.produceNumbered(4, 10_000)
		s.sidecar(app, format, testenv.Set("batch.max_records", "500"))
		log := s.settle(app)
		require.Zero(t, repeats(log))
		require.Len(t, kind(log, "record"), 10_000)
	})
}

// odd are records whose bytes are easily lost on the way. None stands for a command.
func (s *scene) odd() []*kgo.Record {
	header := func(name string, value []byte) kgo.RecordHeader { return kgo.RecordHeader{Key: name, Value: value} }
	bytes := func(text string) []byte { return []byte(text) }
	odd := []*kgo.Record{
		{Key: bytes("tombstone"), Value: nil},
		{Key: nil, Value: bytes("no key")},
		{Key: bytes(""), Value: bytes("")},
		{Key: bytes("k\xff\x00"), Value: bytes("\x00\xfe\xff")},
		{Key: bytes("cut\xe2\x82"), Value: bytes("\xed\xa0\x80")}, // half a character, half a pair of UTF-16
		{Key: bytes("text"), Value: bytes("a\"\\/\b\f\n\r\t\x00\x7f\u2028é\U0001F600\uFEFF")},
		{Key: bytes("time"), Value: bytes("at the epoch"), Timestamp: time.UnixMilli(0)},
		{Key: bytes("headers"), Headers: []kgo.RecordHeader{
			header("h", bytes("1")), header("other", nil), header("h", bytes("")), header("h", bytes("\xff")),
			header("name \xfe", bytes("é")), header("", bytes("no name")),
		}},
		{Key: bytes("base64?"), Value: bytes("AP8=")},
	}
	for _, value := range []string{
		`{"id": 1,  "name":"\u00e9", "id": 2}`, ` [1, 2.50, 1e400, 12345678901234567890] `, `"a string"`, `""`, `"\ud83d"`,
		`true`, `0`, `-0.0`, `null`, ` null `, `{`, `[]]`, `NaN`, "\"\xff\"",
	} {
		odd = append(odd, &kgo.Record{Key: bytes("json?"), Value: bytes(value)})
	}
	for _, r := range odd {
		r.Topic = s.topic
	}
	return odd
}

// Whatever way a value takes through the body, the app has the bytes that were produced.
func TestContentIsUnchanged(t *testing.T) {
	inEach(t, func(t *testing.T, l language) {
		for _, way := range []struct{ name, key, value string }{
			{"text", "batch.value", "auto"}, {"embedded JSON", "batch.value", "json"}, {"base64", "batch.value", "base64"},
			{"columns", "batch.format", "columns"},
		} {
			t.Run(way.name, func(t *testing.T) {
				s := newScene(t, 1)
				app := startApp(t, l)
				s.produce(s.odd()...)
				s.sidecar(app, testenv.Set(way.key, way.value))
				log := s.settle(app)
				require.Zero(t, repeats(log))
			})
		}
	})
}
