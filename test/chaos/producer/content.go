package producer

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The contents that a record can have. They are taken in turn, each list with a length of its own that shares no divisor with the
// others, so that all combinations come. nil is null.
var (
	keys = [][]byte{
		nil, {}, []byte("user-17"), {0x00, 0xff, 0xfe}, []byte("ключ \U0001f511"),
	}
	values = [][]byte{
		nil, {}, []byte(`{"id":1,"name":"Ж\u0000"}`), []byte("plain text"), {0xff, 0x00, 0xc3, 0x28},
		[]byte(" null "), []byte(`"quoted" \ and` + "\x01\t\n\u2028"), []byte("\xf0\x9f\x92"), nil, // nil: a large one
	}
	headers = [][]kgo.RecordHeader{
		nil,
		{{Key: "source", Value: []byte("web")}},
		{{Key: "twice", Value: []byte("1")}, {Key: "twice", Value: nil}, {Key: "twice", Value: []byte{}}},
		{{Key: "", Value: []byte{0xff}}, {Key: "имя", Value: []byte("ü")}},
	}
	// A broker that compacts a batch decodes the names of headers as text, and what is no UTF-8 does not survive.
	binaryName = kgo.RecordHeader{Key: "\xff\xfe", Value: []byte("x")}
)

// large is the place in values of a value made for the record, of up to maxLarge bytes.
const (
	large    = 8
	maxLarge = 32 << 10
	// oversizedOneIn is how rare oversized values are.
	oversizedOneIn = 50
)

// contents makes the records of a run. Not for concurrent use.
type contents struct {
	random    *rand.Rand
	keyed     bool  // for a compacted topic: each record has a key, one of a few
	oversized []int // as in Config
	made      int
}

func newContents(cfg *Config) *contents {
	return &contents{random: rand.New(rand.NewPCG(cfg.Seed, 0)), keyed: cfg.Keyed, oversized: cfg.Oversized}
}

// next is the content of the next record; seq becomes its header.
func (c *contents) next(seq int64) *kgo.Record {
	n := c.made
	c.made++
	r := &kgo.Record{Key: keys[n%len(keys)], Value: values[n%len(values)]}
	if n%len(values) == large {
		r.Value = c.bytes(1 + c.random.IntN(maxLarge))
	}
	if n%oversizedOneIn == 0 && len(c.oversized) > 0 {
		r.Value = c.bytes(c.oversized[n/oversizedOneIn%len(c.oversized)])
	}
	r.Headers = append(r.Headers, headers[n%len(headers)]...)
	if c.keyed {
		r.Key = fmt.Appendf(nil, "key-%d", c.random.IntN(50))
	} else if n%7 == 0 {
		r.Headers = append(r.Headers, binaryName)
	}
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: "seq", Value: fmt.Append(nil, seq)})
	return r
}

// bytes are some that compress well, as most content does.
func (c *contents) bytes(n int) []byte {
	word := fmt.Appendf(nil, "%x ", c.random.Uint64())
	return bytes.Repeat(word, n/len(word)+1)[:n]
}
