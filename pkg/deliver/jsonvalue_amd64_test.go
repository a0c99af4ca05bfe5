package deliver

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everything has each kind of token next to each other that may stand there, with and without white space.
const everything = `{"":[],"a" : {},"b\"\\\/\b\f\n\r\t":[ ] , "\u00eF":{ },"c":[0,-0,0.50 ,-12.034, 10 ,100.001,true , false,null],` +
	`"d":[true,false,null,[[],{}],[ {"e":"f"} , "" ,"é😀" ]]` + "\r\n\t,\n" + `"g":{"h":null , "i":{"j":-1,"k":[{"l":false}]} } }`

var exponent = regexp.MustCompile(`\d[eE]`)

// checkPlainlyJSON compares plainlyJSON with encoding/json for an object or array that is not nested too deep.
func checkPlainlyJSON(t *testing.T, v []byte) {
	t.Helper()
	want := json.Valid(v) && utf8.Valid(v)
	if got := plainlyJSON(v); got != want && (got || !exponent.Match(v)) {
		t.Fatalf("%t for %q", got, v)
	}
}

// A value with all there is, at every place in a block, with every byte of it replaced, removed or doubled.
func TestPlainlyJSONEveryByteEverywhere(t *testing.T) {
	needAVX2(t)
	bytesToTry := []byte("{}[],:\"\\ \n019-.entfu+/a\x00\x1f\x7f\x80\xc3\xff")
	for place := range blockSize {
		v := append(bytes.Repeat([]byte(" "), place), everything...)
		require.True(t, plainlyJSON(v), "%s", v)
		for i := range v[place:] {
			at := place + i
			old := v[at]
			// All of them everywhere takes too long: each meets each byte at some places, and often those behind it.
			for j, c := range bytesToTry {
				if (i+j+place)%13 == 0 {
					v[at] = c
					checkPlainlyJSON(t, v)
				}
			}
			v[at] = old
			if i%5 == place%5 {
				checkPlainlyJSON(t, append(append([]byte{}, v[:at]...), v[at+1:]...))
				checkPlainlyJSON(t, append(append([]byte{}, v[:at+1]...), v[at:]...))
				checkPlainlyJSON(t, v[:at])
			}
		}
	}
}

func TestPlainlyJSONNumbersAndLiterals(t *testing.T) {
	needAVX2(t)
	for _, scalar := range []string{
		"0", "-0", "00", "01", "-01", "-", "--1", "1-", "1-1", ".1", "1.", "-.1", "1.1.1", "1..1", "1.01", "10.10", "0.0.", "0.00",
		"true", "truee", "tru", "true1", "1true", "nul", "null", "nulll", "fals", "false", "falsf", "false0", "TRUE", "t", "f", "true\x01", "1\x01", "\x01",
		strings.Repeat("9", 200), strings.Repeat("9", 200) + "." + strings.Repeat("0", 200), strings.Repeat("9", 100) + "." + strings.Repeat("0", 100) + ".",
		"0" + strings.Repeat("0", 100), "-" + strings.Repeat("1", 100) + "-", strings.Repeat("a", 200), `"` + strings.Repeat("a", 200) + `"`,
		`"` + strings.Repeat(`\\`, 100) + `"`, `"` + strings.Repeat(`\\`, 100) + `\"`, strings.Repeat(`""`, 70), `"\`, `"\u12`, `\"`, "é",
	} {
		for place := range blockSize {
			for _, around := range []string{"[%]", "[ % ]", "[1,%,2]", "[%\n,\"\"]", `{"a":%}`, `{% : 1}`, `{"":%,"b":[%]}`} {
				checkPlainlyJSON(t, []byte(strings.Repeat(" ", place)+strings.ReplaceAll(around, "%", scalar)))
			}
		}
	}
}

func TestPlainlyJSONLeavesTheRest(t *testing.T) {
	needAVX2(t)
	deep := func(n int) []byte { return []byte(strings.Repeat(`{"":[`, n/2) + strings.Repeat("]}", n/2)) }
	assert.True(t, plainlyJSON(deep(64)))
	for name, v := range map[string][]byte{
		"nested": deep(66), "exponent": []byte("[1e5]"), "text": []byte(`"` + strings.Repeat("a", 100) + `"`),
		"number": []byte(strings.Repeat("1", 100)),
	} {
		assert.False(t, plainlyJSON(v), name)
		assert.True(t, embeddable(append(v, bytes.Repeat([]byte(" "), blockSize)...)), name)
	}
}

func FuzzPlainlyJSON(f *testing.F) {
	needAVX2(f)
	f.Add([]byte(everything), 0)
	for _, v := range orderEvents(3, 300) {
		f.Add(v, 17)
	}
	f.Fuzz(func(t *testing.T, v []byte, place int) {
		v = append(bytes.Repeat([]byte(" "), place&63), v...)
		if plainlyJSON(v) {
			require.True(t, json.Valid(v) && utf8.Valid(v), "%s", v)
		}
	})
}

// Each byte at each place of a block that ends where memory ends. Behind the blocks nothing is written.
func TestClassifyAVX2(t *testing.T) {
	needAVX2(t)
	v := guarded(t, blockSize)
	v = v[len(v)-blockSize:]
	kept := block{quote: 1, bit5: 2}
	for c := range 256 {
		for i := range v {
			for j := range v {
				v[j] = byte('z' + j%3) // z, {, |
			}
			v[i] = byte(c)
			out := [blocksAtOnce]block{1: kept}
			ascii := classifyAVX2(v, &out)
			if out[0] != classified(v) || out[1] != kept || ascii != (c < 0x80) {
				t.Fatalf("%#x at %d: %#v", c, i, out[:2])
			}
		}
	}
}

// classified is what classifyAVX2 writes for a block, a byte at a time.
func classified(v []byte) (b block) {
	for i, c := range v {
		put := func(mask *uint64, in bool) {
			if in {
				*mask |= 1 << i
			}
		}
		put(&b.quote, c == '"')
		put(&b.slash, c == '\\')
		put(&b.bracket, c == '[' || c == ']' || c == '{' || c == '}')
		put(&b.comma, c == ',')
		put(&b.colon, c == ':')
		put(&b.space, c == ' ' || c == '\t' || c == '\r' || c == '\n')
		put(&b.control, c < 0x20)
		put(&b.digit, '0' <= c && c <= '9')
		put(&b.zero, c == '0')
		put(&b.point, c == '-' || c == '.')
		put(&b.bit1, c&2 != 0)
		put(&b.bit5, c&32 != 0)
	}
	return b
}
