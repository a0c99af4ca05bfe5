package deliver

import "unicode/utf8"

// validUTF8AVX2 reports whether the whole blocks of 32 bytes of v are valid UTF-8, but for a rune that
// goes on behind them.
//
//go:noescape
func validUTF8AVX2(v []byte) bool

// validUTF8 is utf8.Valid, which looks one by one at the runes that are not ASCII: for German this takes
// a seventh of its time, for Russian a twelfth (BenchmarkValidUTF8).
func validUTF8(v []byte) bool {
	if !hasAVX2 || len(v) < 64 {
		return utf8.Valid(v)
	}
	if !validUTF8AVX2(v) {
		return false
	}
	rest := len(v) &^ 31
	for i := range utf8.UTFMax - 1 {
		// The rune that goes on behind the blocks is looked at from its beginning.
		if utf8.RuneStart(v[rest-1-i]) {
			rest -= 1 + i
			break
		}
	}
	return utf8.Valid(v[rest:])
}
