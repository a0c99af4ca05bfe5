package deliver

import (
	"slices"

	"golang.org/x/sys/cpu"
)

var hasAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT

// escapeRoom is what escapeAVX2 may write at a time: 32 bytes, with a backslash before each.
const escapeRoom = 64

// expansions has, by the bits of the special ones among eight bytes, the shuffle that puts a
// backslash before each. What is shuffled has backslashes from byte 8 on.
//
//nolint:unused // the assembly reads it
var expansions = func() (table [256][16]byte) {
	for set := range table {
		to := 0
		for from := range 8 {
			if set&(1<<from) != 0 {
				table[set][to] = 8
				to++
			}
			table[set][to] = byte(from)
			to++
		}
	}
	return table
}()

// escapeAVX2 writes src to dst as the inside of a JSON string, 32 bytes at a time, and returns how
// much it wrote and read and whether what it looked at was ASCII. It reads to the end, or until dst
// has less than escapeRoom left, or src less than 8 bytes, or a control character without a letter
// of its own (\u00XX) is among the next 32.
//
// JSON as a string has a quote every few bytes: to find the next one and go on behind it, as
// escapePlain does, costs a mispredicted branch each. Here only the length of what is stored
// depends on them, which takes a tenth of the time (orders in BenchmarkEscape).
//
//go:noescape
func escapeAVX2(dst, src []byte) (written, read int, ascii bool)

// appendEscaped appends src as the inside of a JSON string. ascii is false when src has a byte above
// 0x7f: whether it is valid UTF-8 is then still to be checked.
func appendEscaped(dst, src []byte) (out []byte, ascii bool) {
	if !hasAVX2 {
		return escapePlain(dst, src)
	}
	ascii = true
	for len(src) >= 8 {
		dst = slices.Grow(dst, len(src)+escapeRoom)
		written, read, low := escapeAVX2(dst[len(dst):cap(dst)], src)
		dst, src = dst[:len(dst)+written], src[read:]
		ascii = ascii && low
		if len(src) >= 8 && cap(dst)-len(dst) >= escapeRoom {
			// Neither end is reached: the control character is among these.
			next := min(len(src), 32)
			dst, low = escapePlain(dst, src[:next])
			src = src[next:]
			ascii = ascii && low
		}
	}
	if len(src) == 0 {
		return dst, ascii
	}
	dst, low := escapePlain(dst, src)
	return dst, ascii && low
}
