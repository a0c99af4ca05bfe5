package deliver

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func needAVX2(t testing.TB) {
	t.Helper()
	if !hasAVX2 {
		t.Skip("the processor has no AVX2: the plain code is all there is")
	}
}

// untouched is what memory holds that nobody has written to.
var untouched = bytes.Repeat([]byte{0xa5}, 4096)

// wanted is used again and again, for the many checks.
var wanted = make([]byte, 0, 4096)

// checkEscapeAVX2 escapes src into dst and compares with escapePlain. Behind dst nothing may change.
func checkEscapeAVX2(t *testing.T, dst, src []byte) {
	t.Helper()
	behind := dst[len(dst):cap(dst)]
	copy(behind, untouched)
	written, read, ascii := escapeAVX2(dst, src)
	if written > len(dst) || read > len(src) {
		t.Fatalf("%q into %d: wrote %d, read %d", src, len(dst), written, read)
	}
	want, low := escapePlain(wanted[:0], src[:read])
	if !bytes.Equal(want, dst[:written]) {
		t.Fatalf("%q into %d: read %d: %q", src, len(dst), read, dst[:written])
	}
	if next := src[read:min(len(src), read+32)]; ascii && !low || !ascii && isASCII(src) {
		t.Fatalf("%q: ascii %t", src[:read], ascii)
	} else if len(next) >= 8 && len(dst)-written >= escapeRoom && !hasUnlettered(next) {
		t.Fatalf("%q into %d: stopped at %d without need", src, len(dst), read)
	}
	if !bytes.Equal(behind, untouched[:len(behind)]) {
		t.Fatalf("%q into %d: wrote behind it", src, len(dst))
	}
}

func hasUnlettered(s []byte) bool {
	return bytes.ContainsFunc(s, func(r rune) bool { return r < 0x20 && shortEscapes[r] == 'u' })
}

// Every length and place, with memory that ends behind source and destination.
func TestEscapeAVX2EveryByteEverywhere(t *testing.T) {
	needAVX2(t)
	from, to := guarded(t, 200), guarded(t, 600)
	interesting := []byte{'"', '\\', 0, '\b', '\n', 0x0b, 0x10, 0x18, 0x1f, 0x20, 0x5d, 0x7f, 0x80, 0x8a, 0xa2, 0xff}
	all := make([]byte, 256)
	for c := range all {
		all[c] = byte(c)
	}
	for n := range 201 {
		src := from[len(from)-n:]
		dst := to[len(to)-2*n-escapeRoom:]
		for _, fill := range []byte{'a', '"', '\n'} {
			try := interesting
			if fill == 'a' && 32 <= n && n < 64 { // a block, and each number of bytes before it
				try = all
			} else if fill != 'a' && n >= 72 {
				continue
			}
			for i := range src {
				src[i] = fill
			}
			for at := range n {
				for _, c := range try {
					src[at] = c
					checkEscapeAVX2(t, dst, src)
				}
				src[at] = fill
			}
		}
		checkEscapeAVX2(t, dst, src)
	}
}

// Every capacity at every alignment.
func TestEscapeAVX2StaysInside(t *testing.T) {
	needAVX2(t)
	rnd := rand.New(rand.NewPCG(1, 1))
	to := guarded(t, 1000)
	checkEscapeAVX2(t, nil, []byte("0123456789"))
	for n := range 201 {
		src := make([]byte, n+n%32)[n%32:]
		for i := range src {
			src[i] = `abcdefgh"\`[rnd.IntN(10)]
		}
		for room := range 2*n + escapeRoom + 1 {
			checkEscapeAVX2(t, to[len(to)-room:], src)
			start := rnd.IntN(32)
			checkEscapeAVX2(t, make([]byte, start+room+64)[start:][:room], src)
		}
	}
}

func FuzzEscapeAVX2(f *testing.F) {
	needAVX2(f)
	for _, s := range []string{"", "12345678", "\"\"\"\"\"\"\"\"\\\\\\\\\\\\\\\\", "line\nline\r\n\t\b\f and \x01 and \x1f", "éééééééééééééééééééééééé\xff"} {
		f.Add([]byte(s), 10)
		f.Add(bytes.Repeat([]byte(s), 9), 1000)
	}
	f.Fuzz(func(t *testing.T, src []byte, room int) {
		if room < 0 || room > 6*len(src)+2*escapeRoom {
			room = 2*len(src) + escapeRoom
		}
		checkEscapeAVX2(t, make([]byte, room, room+64), src)
		got, ascii := appendEscaped([]byte("before"), src)
		want, low := escapePlain([]byte("before"), src)
		require.Equal(t, string(want), string(got))
		require.Equal(t, low, ascii)
	})
}
