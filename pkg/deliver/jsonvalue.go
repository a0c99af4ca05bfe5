package deliver

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is how deeply an embedded value may be nested. Source: encoding/json's own limit.
const maxDepth = 10_000

// embeddablePlain is embeddable for any processor.
func embeddablePlain(v []byte) bool {
	i := skipSpace(v, 0)
	if i == len(v) || v[i] == 'n' {
		return false
	}
	i = skipValue(v, i, 0)
	return i >= 0 && skipSpace(v, i) == len(v) && validUTF8(v)
}

func skipSpace(v []byte, i int) int {
	for i < len(v) && (v[i] == ' ' || v[i] == '\n' || v[i] == '\t' || v[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the position behind the value that begins at i, -1 if there is none. depth is
// the number of arrays and objects it stands in.
func skipValue(v []byte, i, depth int) int {
	if i >= len(v) {
		return -1
	}
	switch c := v[i]; {
	case c == '"':
		return skipString(v, i+1)
	case c == '{':
		return skipObject(v, i+1, depth+1)
	case c == '[':
		return skipArray(v, i+1, depth+1)
	case c == 't':
		return skipWord(v, i, "true")
	case c == 'f':
		return skipWord(v, i, "false")
	case c == 'n':
		return skipWord(v, i, "null")
	default:
		return skipNumber(v, i)
	}
}

func skipWord(v []byte, i int, word string) int {
	if len(v)-i < len(word) || string(v[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

func skipObject(v []byte, i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	if i = skipSpace(v, i); i < len(v) && v[i] == '}' {
		return i + 1
	}
	for {
		if i = skipSpace(v, i); i >= len(v) || v[i] != '"' {
			return -1
		}
		if i = skipString(v, i+1); i < 0 {
			return -1
		}
		if i = skipSpace(v, i); i >= len(v) || v[i] != ':' {
			return -1
		}
		if i = skipValue(v, skipSpace(v, i+1), depth); i < 0 {
			return -1
		}
		if i = skipSpace(v, i); i >= len(v) {
			return -1
		}
		if v[i] == '}' {
			return i + 1
		}
		if v[i] != ',' {
			return -1
		}
		i++
	}
}

func skipArray(v []byte, i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	if i = skipSpace(v, i); i < len(v) && v[i] == ']' {
		return i + 1
	}
	for {
		if i = skipValue(v, skipSpace(v, i), depth); i < 0 {
			return -1
		}
		if i = skipSpace(v, i); i >= len(v) {
			return -1
		}
		if v[i] == ']' {
			return i + 1
		}
		if v[i] != ',' {
			return -1
		}
		i++
	}
}

// skipString returns the position behind the closing quote of the string whose inside begins at i.
func skipString(v []byte, i int) int {
	for i < len(v) {
		if i+8 <= len(v) {
			found := special(binary.LittleEndian.Uint64(v[i:]))
			if found == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(found) >> 3
		}
		switch c := v[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = skipEscape(v, i+1); i < 0 {
				return -1
			}
		case c < 0x20:
			return -1
		default:
			i++
		}
	}
	return -1
}

func skipEscape(v []byte, i int) int {
	if i >= len(v) {
		return -1
	}
	switch v[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if len(v)-i < 5 {
			return -1
		}
		for _, c := range v[i+1 : i+5] {
			if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
				return -1
			}
		}
		return i + 5
	}
	return -1
}

func skipNumber(v []byte, i int) int {
	if i < len(v) && v[i] == '-' {
		i++
	}
	switch {
	case i >= len(v):
		return -1
	case v[i] == '0':
		i++
	default:
		if i = skipDigits(v, i); i < 0 {
			return -1
		}
	}
	if i < len(v) && v[i] == '.' {
		if i = skipDigits(v, i+1); i < 0 {
			return -1
		}
	}
	if i < len(v) && v[i]|0x20 == 'e' {
		i++
		if i < len(v) && (v[i] == '+' || v[i] == '-') {
			i++
		}
		return skipDigits(v, i)
	}
	return i
}

// skipDigits returns the position behind at least one digit.
func skipDigits(v []byte, i int) int {
	start := i
	for i < len(v) && '0' <= v[i] && v[i] <= '9' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}
