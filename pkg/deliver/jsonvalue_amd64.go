package deliver

// embeddable reports whether v can stand in the body as it is: one JSON value in valid UTF-8, with
// white space around it or not, and not the literal null, which means a record without a value.
func embeddable(v []byte) bool {
	return hasAVX2 && len(v) >= blockSize && plainlyJSON(v) || embeddablePlain(v)
}

const (
	blockSize = 64
	// blocksAtOnce is how many blocks are classified by one call.
	blocksAtOnce = 8
)

// block says which bytes of 64 are what: one bit each, the first byte has the lowest.
type block struct {
	quote, slash, bracket, comma, colon uint64
	space, control                      uint64 // white space; all below 0x20
	digit, zero, point                  uint64 // point: minus or dot

	bit1 uint64 // tells [{ from ]}, and a dot from a minus
	bit5 uint64 // tells {} from []
}

// classifyAVX2 fills out from the whole blocks of v, which has blocksAtOnce of them at most. ascii is
// false when one of their bytes is above 0x7f.
//
//go:noescape
func classifyAVX2(v []byte, out *[blocksAtOnce]block) (ascii bool)

// plainlyJSON reports whether v is an object or an array in valid UTF-8. It says no as well to what it
// does not understand: an exponent, more than 64 containers in one another.
//
// JSON has a token every few bytes, and to look at each, as embeddablePlain does, costs a mispredicted
// branch for many. Here the tokens of 64 bytes are compared at once with what the tokens before them
// allow, as bits; only brackets, literals and escapes are looked at one by one. It takes little more
// than half the time (orders in BenchmarkEmbeddable).
func plainlyJSON(v []byte) bool {
	var blocks [blocksAtOnce]block
	c := checker{v: v, value: 1}
	ascii := true
	for at := 0; at < len(v); {
		n := min(len(v)-at, blocksAtOnce*blockSize) / blockSize
		if n > 0 {
			ascii = classifyAVX2(v[at:at+n*blockSize], &blocks) && ascii
		} else {
			var rest [blockSize]byte
			for i := copy(rest[:], v[at:]); i < blockSize; i++ {
				rest[i] = ' '
			}
			ascii = classifyAVX2(rest[:], &blocks) && ascii
			n = 1
		}
		for i := range blocks[:n] {
			end, ok := c.check(&blocks[i], at)
			if !ok {
				return false
			}
			if end != 0 {
				return skipSpace(v, end) == len(v) && (ascii || validUTF8(v))
			}
			at += blockSize
		}
	}
	return false
}
