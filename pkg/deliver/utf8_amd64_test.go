package deliver

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

func checkValidUTF8(t *testing.T, v []byte) {
	t.Helper()
	if want := utf8.Valid(v); validUTF8(v) != want {
		t.Fatalf("not %t: %x", want, v)
	}
}

// All pairs of bytes, with what may decide behind them, within a block, over its end and at the end of the value.
func TestValidUTF8EveryPair(t *testing.T) {
	needAVX2(t)
	v := guarded(t, 96)
	v = v[len(v)-96:]
	fill := func(from, to int) {
		for i := from; i < to; i++ {
			v[i] = 'a'
		}
	}
	fill(0, len(v))
	ends := []byte{'a', 0x80, 0xbf, 0xc2}
	for pair := range 1 << 16 {
		tails := 1
		if pair >= 0xe000 { // of three bytes or four
			tails = len(ends) * len(ends)
		}
		for tail := range tails {
			rune4 := []byte{byte(pair >> 8), byte(pair), ends[tail%4], ends[tail/4]}
			at := 28 + (pair+pair/251+tail)%5
			copy(v[at:], rune4)
			checkValidUTF8(t, v)
			fill(at, at+4)
			if tail < len(ends) {
				copy(v[93:], rune4)
				checkValidUTF8(t, v)
				checkValidUTF8(t, v[:95])
				checkValidUTF8(t, v[:94])
				fill(93, 96)
			}
		}
	}
}

func FuzzValidUTF8(f *testing.F) {
	needAVX2(f)
	text := []byte("plain, é, €, 😀, \u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff ")
	f.Add(bytes.Repeat(text, 3), 0)
	f.Add(bytes.Repeat([]byte("\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80\xe0\x80\x80"), 9), 5)
	f.Fuzz(func(t *testing.T, v []byte, place int) {
		v = append(bytes.Repeat([]byte("b"), place&63), v...)
		checkValidUTF8(t, v)
		for i := range v {
			checkValidUTF8(t, v[:i]) // a rune is cut at many of them
		}
	})
}

func BenchmarkValidUTF8(b *testing.B) {
	for name, v := range map[string][]byte{
		"german":  bytes.Repeat([]byte("Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. "), 16),
		"russian": bytes.Repeat([]byte("Съешь же ещё этих мягких французских булок. "), 13),
	} {
		for kind, valid := range map[string]func([]byte) bool{"chosen": validUTF8, "plain": utf8.Valid} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.SetBytes(int64(len(v)))
				for b.Loop() {
					valid(v)
				}
			})
		}
	}
}
