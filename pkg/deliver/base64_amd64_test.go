package deliver

import (
	"encoding/base64"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every length with memory that ends behind source and destination, and each byte at each place.
func TestBase64EveryByteEverywhere(t *testing.T) {
	needAVX2(t)
	rnd := rand.New(rand.NewPCG(1, 1))
	from, to := guarded(t, 200), guarded(t, 300)
	for n := range 201 {
		src := from[len(from)-n:]
		for i := range src {
			src[i] = byte(rnd.Uint32())
		}
		want := base64.StdEncoding.EncodeToString(src)
		dst := to[len(to)-len(want):]
		require.Equal(t, want, string(appendStdBase64(dst[:0], src)))
		for room := range len(want) {
			dst := to[len(to)-room:]
			read := base64AVX2(dst, src)
			require.Equal(t, want[:read/3*4], string(dst[:read/3*4]))
		}
	}
	src := make([]byte, 48)
	for c := range 256 {
		for at := range src {
			src[at] = byte(c)
			if want := base64.StdEncoding.EncodeToString(src); string(appendStdBase64(nil, src)) != want {
				t.Fatalf("%#x at %d: not %s", c, at, want)
			}
		}
	}
}

func FuzzBase64(f *testing.F) {
	f.Add([]byte("any carnal pleasure: any carnal pleasure: any carnal pleasure."))
	f.Fuzz(func(t *testing.T, src []byte) {
		require.Equal(t, "before"+base64.StdEncoding.EncodeToString(src), string(appendStdBase64([]byte("before"), src)))
	})
}

func BenchmarkBase64(b *testing.B) {
	src := make([]byte, 1024)
	for kind, encode := range map[string]func(dst, src []byte) []byte{"chosen": appendStdBase64, "plain": base64.StdEncoding.AppendEncode} {
		b.Run(kind, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			var dst []byte
			for b.Loop() {
				dst = encode(dst[:0], src)
			}
		})
	}
}
