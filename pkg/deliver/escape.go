package deliver

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unsafe"
)

// Eight bytes at a time: the same byte in every lane of a word.
const (
	ones     = 0x0101010101010101
	highBits = 0x8080808080808080
)

// headroom is what the escape loop may write past its position before it looks at the capacity
// again: eight plain bytes and one escape of six, rounded up.
const headroom = 16

const hexDigits = "0123456789abcdef"

// shortEscapes has, for a control character, the letter behind the backslash; u = \u00XX.
const shortEscapes = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu"

// special has the high bit set in the lanes of x that hold a quote, a backslash or a control
// character. Lanes above the lowest one set may be wrong (the subtraction borrows): use only the lowest.
func special(x uint64) uint64 {
	quote := x ^ ones*'"'
	slash := x ^ ones*'\\'
	found := (quote - ones) & ^quote
	found |= (slash - ones) & ^slash
	found |= (x - ones*0x20) & ^x
	return found & highBits
}

// escapePlain is appendEscaped for any processor.
func escapePlain(dst, src []byte) (out []byte, ascii bool) {
	dst = slices.Grow(dst, len(src)+headroom)
	buf, n := dst[:cap(dst)], len(dst)
	var seen uint64
	i := 0
	for i+8 <= len(src) {
		if len(buf)-n < headroom {
			buf = slices.Grow(buf[:n], len(src)-i+headroom)
			buf = buf[:cap(buf)]
		}
		x := binary.LittleEndian.Uint64(src[i:])
		// Plain or not, all eight are written: what lies behind the first special one is overwritten.
		binary.LittleEndian.PutUint64(buf[n:], x)
		seen |= x
		found := special(x)
		if found == 0 {
			i += 8
			n += 8
			continue
		}
		plain := bits.TrailingZeros64(found) >> 3
		n = putEscape(buf, n+plain, src[i+plain])
		i += plain + 1
	}
	dst = buf[:n]
	for _, c := range src[i:] {
		seen |= uint64(c)
		if c >= 0x20 && c != '"' && c != '\\' {
			dst = append(dst, c)
			continue
		}
		dst = slices.Grow(dst, headroom)
		n = putEscape(dst[:cap(dst)], len(dst), c)
		dst = dst[:n]
	}
	return dst, seen&highBits == 0
}

// putEscape writes the escape of c at buf[n:], which has headroom, and returns the position behind it.
func putEscape(buf []byte, n int, c byte) int {
	buf[n] = '\\'
	if c >= 0x20 {
		buf[n+1] = c
		return n + 2
	}
	letter := shortEscapes[c]
	buf[n+1] = letter
	if letter != 'u' {
		return n + 2
	}
	buf[n+2], buf[n+3] = '0', '0'
	buf[n+4], buf[n+5] = hexDigits[c>>4], hexDigits[c&15]
	return n + 6
}

// appendText appends the field name with v as a JSON string, or, if v is not valid UTF-8, the field
// name+"Base64".
func appendText(dst []byte, name string, v []byte) []byte {
	at := len(dst)
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, `":"`...)
	dst, ascii := appendEscaped(dst, v)
	if !ascii && !validUTF8(v) {
		return appendBase64(dst[:at], name, v)
	}
	return append(dst, '"')
}

// appendBase64 appends the field name+"Base64" with v in standard padded base64.
func appendBase64(dst []byte, name string, v []byte) []byte {
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, `Base64":"`...)
	dst = appendStdBase64(dst, v)
	return append(dst, '"')
}

// appendNullable is appendText with null for nil.
func appendNullable(dst []byte, name string, v []byte) []byte {
	if v == nil {
		return appendNull(dst, name)
	}
	return appendText(dst, name, v)
}

func appendNull(dst []byte, name string) []byte {
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, `":null`...)
}

// appendQuoted appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD: topic and group
// have no other form in the body, and Kafka and the configuration allow none in them.
func appendQuoted(dst []byte, s string) []byte {
	at := len(dst)
	dst = append(dst, '"')
	dst, ascii := appendEscaped(dst, bytesOf(s))
	if !ascii && !validUTF8(bytesOf(s)) {
		dst = append(dst[:at], '"')
		dst, _ = appendEscaped(dst, []byte(strings.ToValidUTF8(s, "\uFFFD")))
	}
	return append(dst, '"')
}

// bytesOf is s without a copy; it must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
