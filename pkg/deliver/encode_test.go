package deliver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/protocol/protocoltest"
)

// byteEscape is what appendEscaped appends, a byte at a time.
func byteEscape(src []byte) string {
	var dst []byte
	for _, c := range src {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= 0x20:
			dst = append(dst, c)
		default:
			short := map[byte]string{'\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`}[c]
			if short == "" {
				short = fmt.Sprintf(`\u%04x`, c)
			}
			dst = append(dst, short...)
		}
	}
	return string(dst)
}

func isASCII(s []byte) bool {
	return !bytes.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "plain", `"`, "\\\\\\\\\\\\\\\\\\", "\x00\x1f ", "1234567\"", "12345678\n", "é€😀", "\xff", strings.Repeat("\x01", 100), "\"\x21\\\x22\x7f\x80"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, ascii := appendEscaped([]byte("x"), src)
		require.Equal(t, "x"+byteEscape(src), string(got))
		require.Equal(t, isASCII(src), ascii)
		got, ascii = escapePlain([]byte("x"), src)
		require.Equal(t, "x"+byteEscape(src), string(got))
		require.Equal(t, isASCII(src), ascii)
		if utf8.Valid(src) {
			var back string
			require.NoError(t, json.Unmarshal([]byte(`"`+string(got[1:])+`"`), &back))
			require.Equal(t, string(src), back)
		}
	})
}

// Every byte at every place of a word, among plain and special neighbours.
func TestEscapeEveryByteEverywhere(t *testing.T) {
	for _, fill := range []byte{'a', '"', 0x1f, 0x20, 0x21, 0x5b, 0x5d, 0xff} {
		for at := range 20 {
			for c := range 256 {
				src := bytes.Repeat([]byte{fill}, 20)
				src[at] = byte(c)
				got, _ := appendEscaped(nil, src)
				plain, _ := escapePlain(nil, src)
				if want := byteEscape(src); string(got) != want || string(plain) != want {
					t.Fatalf("fill %#x, byte %#x at %d: %q, %q", fill, c, at, got, plain)
				}
			}
		}
	}
}

func FuzzEmbeddable(f *testing.F) {
	for _, s := range []string{"", " ", "null", " null ", "nullx", "{}", `{"a":[1,2.5e-3,{"b":"\u00ff\n"}]}`, "[1,]", "01", "-", "1e5", `"\ud800"`, "\"\xff\"", "[[[[]]]]", `{"a" :1 , "b":true}`, "tru", `"abcdefgh"`, "\"abcdefg\x01\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		want := json.Valid(v) && utf8.Valid(v) && string(bytes.Trim(v, " \t\r\n")) != "null"
		require.Equal(t, want, embeddable(v))
		require.Equal(t, want, embeddablePlain(v))
	})
}

func TestEmbeddableDepth(t *testing.T) {
	for _, depth := range []int{1, maxDepth, maxDepth + 1, 1 << 20} {
		v := []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		assert.Equal(t, json.Valid(v), embeddable(v), depth)
		assert.Equal(t, json.Valid(v), embeddablePlain(v), depth)
	}
}

// someBatch is a batch made of arbitrary bytes.
func someBatch(seed uint64, data []byte) *record.Batch {
	rnd := rand.New(rand.NewPCG(seed, 1))
	bite := func() []byte {
		if rnd.IntN(6) == 0 {
			return nil
		}
		n := min(len(data), rnd.IntN(40))
		v := append([]byte{}, data[:n]...)
		data = data[n:]
		return v
	}
	b := &record.Batch{Group: "billing", Attempt: 1 + rnd.IntN(3)}
	for i := range 1 + rnd.IntN(4) {
		p := record.Part{Range: record.Range{
			TopicPartition: record.TopicPartition{Topic: "orders", Partition: int32(i)},
			From:           rnd.Int64N(1200), Fence: rnd.Int64(),
		}}
		offset := p.From
		for range 1 + rnd.IntN(4) {
			offset += rnd.Int64N(100)
			r := record.Record{Offset: offset, Timestamp: rnd.Int64N(100) - 1, Key: bite(), Value: bite()}
			for range rnd.IntN(3) {
				r.Headers = append(r.Headers, record.Header{Name: string(bite()), Value: bite()})
			}
			p.Records = append(p.Records, r)
			offset++
		}
		p.Until = offset + rnd.Int64N(2)
		b.Parts = append(b.Parts, p)
	}
	return b
}

// clone copies what Encode may change.
func clone(b *record.Batch) *record.Batch {
	c := *b
	c.Parts = append([]record.Part{}, b.Parts...)
	return &c
}

func FuzzEncode(f *testing.F) {
	f.Add(uint64(1), 1<<20, []byte("plain text and \"quotes\" \xff\xfe\x00 and {\"json\":true} and more and more"))
	f.Add(uint64(2), 400, []byte(strings.Repeat(`{"a":1}`, 30)))
	f.Add(uint64(3), 1, []byte{})
	forms := map[valueForm]bool{valueAuto: true, valueBase64: true, valueJSON: false} // json: a string may be a value or text
	f.Fuzz(func(t *testing.T, seed uint64, limit int, data []byte) {
		original := someBatch(seed, data)
		for form, exact := range forms {
			b := clone(original)
			body := appendJSON(nil, b, form, limit)
			require.True(t, json.Valid(body) && utf8.Valid(body), "%s", body)
			back, err := protocoltest.DecodeJSON(body)
			require.NoError(t, err)
			checkCut(t, original, b, len(body), limit)
			checkSame(t, b, back, exact)
		}
		b := clone(original)
		body := appendColumns(nil, b, limit)
		back, err := protocoltest.DecodeColumns(body)
		require.NoError(t, err)
		checkCut(t, original, b, len(body), limit)
		checkSame(t, b, back, true)
	})
}

// checkCut: b is a beginning of original, within the limit unless it is a single record.
func checkCut(t *testing.T, original, b *record.Batch, size, limit int) {
	t.Helper()
	require.NotEmpty(t, b.Parts)
	if b.Len() > 1 {
		require.LessOrEqual(t, size, limit)
	}
	for i, p := range b.Parts {
		whole := original.Parts[i]
		require.NotEmpty(t, p.Records)
		require.Equal(t, whole.Records[:len(p.Records)], p.Records)
		until := whole.Until
		if len(p.Records) < len(whole.Records) {
			require.Equal(t, len(b.Parts)-1, i)
			until = p.Records[len(p.Records)-1].Offset + 1
		}
		require.Equal(t, until, p.Until)
		require.Equal(t, whole.From, p.From)
	}
}

// checkSame: the app sees what was sent.
func checkSame(t *testing.T, sent, got *record.Batch, exact bool) {
	t.Helper()
	require.Equal(t, sent.Group, got.Group)
	require.Equal(t, sent.Attempt, got.Attempt)
	require.Len(t, got.Parts, len(sent.Parts))
	for i := range sent.Parts {
		require.Equal(t, sent.Parts[i].Range, got.Parts[i].Range)
		require.Len(t, got.Parts[i].Records, len(sent.Parts[i].Records))
		for j, want := range sent.Parts[i].Records {
			have := got.Parts[i].Records[j]
			if !exact && len(want.Value) > 0 {
				have.Value, want.Value = nil, nil
			}
			require.Equal(t, want, have)
		}
	}
}

// batchOf is a batch of n records with the given value.
func batchOf(n int, value []byte) *record.Batch {
	b := &record.Batch{Group: "billing", Attempt: 1}
	p := record.Part{Range: record.Range{
		TopicPartition: record.TopicPartition{Topic: "orders", Partition: 3}, From: 1000, Until: 1000 + int64(n), Fence: 1764000041,
	}}
	for i := range n {
		p.Records = append(p.Records, record.Record{
			Offset: 1000 + int64(i), Timestamp: 1732430000123, Key: []byte("customer-17"), Value: value,
			Headers: []record.Header{{Name: "source", Value: []byte("web")}},
		})
	}
	b.Parts = []record.Part{p}
	return b
}

// Encode allocates a few times per batch (its id), never per record.
func TestEncodeAllocatesNothingPerRecord(t *testing.T) {
	values := map[string][]byte{"json": orderEvents(1, 1024)[0], "binary": bytes.Repeat([]byte{0xff, 1}, 512), "text": []byte("é\n\"")}
	for _, set := range []func(*Config){
		func(*Config) {}, func(c *Config) { c.Value = "json" }, func(c *Config) { c.Value = "base64" }, func(c *Config) { c.Format = "columns" },
	} {
		a := newApp(t, func(c *Config) { set(c); c.MaxBytes = 64 << 20 })
		for name, v := range values {
			allocs := func(n int) float64 {
				b := batchOf(n, v)
				buf := a.Encode(nil, b)
				return testing.AllocsPerRun(10, func() { buf = a.Encode(buf[:0], b) })
			}
			assert.Equal(t, allocs(1), allocs(500), name)
			assert.LessOrEqual(t, allocs(500), 3.0, name)
		}
	}
}

// Each record is another order, as in make bench.
func BenchmarkEncode(b *testing.B) {
	const records = 500
	batch := batchOf(records, nil)
	size := int64(0)
	for i, v := range orderEvents(records, 1024) {
		batch.Parts[0].Records[i].Value = v
		size += int64(len(v))
	}
	for _, c := range []struct {
		name string
		set  func(*Config)
	}{
		{"string", func(*Config) {}},
		{"json", func(c *Config) { c.Value = "json" }},
		{"base64", func(c *Config) { c.Value = "base64" }},
		{"columns", func(c *Config) { c.Format = "columns" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			a := newApp(b, func(cfg *Config) { c.set(cfg); cfg.MaxBytes = 16 << 20 })
			buf := a.Encode(nil, batch)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				buf = a.Encode(buf[:0], batch)
			}
		})
	}
}

// appendEscaped against the plain code that other processors run.
func BenchmarkEscape(b *testing.B) {
	orders := orderEvents(500, 1024)
	for name, values := range map[string][][]byte{
		"orders":   orders,
		"indented": indented(b, orders),
		"text":     {bytes.Repeat([]byte("plain text "), 93)},
		"controls": {bytes.Repeat([]byte("abc\x01"), 256)},
		"key":      {[]byte("customer-17")},
	} {
		for kind, escape := range map[string]func(dst, src []byte) ([]byte, bool){"chosen": appendEscaped, "plain": escapePlain} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.SetBytes(int64(len(bytes.Join(values, nil))))
				var dst []byte
				for b.Loop() {
					for _, v := range values {
						dst, _ = escape(dst[:0], v)
					}
				}
			})
		}
	}
}

// embeddable against the plain code that other processors run.
func BenchmarkEmbeddable(b *testing.B) {
	orders := orderEvents(500, 1024)
	for name, values := range map[string][][]byte{"orders": orders, "indented": indented(b, orders), "small": orderEvents(500, 100)} {
		for kind, check := range map[string]func(v []byte) bool{"chosen": embeddable, "plain": embeddablePlain} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.SetBytes(int64(len(bytes.Join(values, nil))))
				for b.Loop() {
					for _, v := range values {
						if !check(v) {
							b.Fatalf("%s", v)
						}
					}
				}
			})
		}
	}
}

func indented(t testing.TB, values [][]byte) [][]byte {
	t.Helper()
	out := make([][]byte, len(values))
	for i, v := range values {
		var buf bytes.Buffer
		require.NoError(t, json.Indent(&buf, v, "", "  "))
		out[i] = buf.Bytes()
	}
	return out
}
