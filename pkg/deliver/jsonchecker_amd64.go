package deliver

import (
	"encoding/binary"
	"math/bits"
)

// checker is what the check of a block must know of the blocks before it. A carry is what belongs into
// the lowest bit of a mask.
type checker struct {
	v       []byte
	nesting uint64 // the containers around, the innermost in the lowest bit: 1 for an object
	depth   int    // how many they are

	// All bits or none, for the first byte of the block.
	inString, inObject uint64
	escaped            bool // the first byte stands behind a backslash

	value, key, opened, keyed, complete uint64 // carries: what the next token stands behind
	keyString, scalar                   uint64 // carries: what the last byte belongs to
	number, minus, dot, fraction, zero  uint64 // carries: likewise
}

// check checks the block that begins at v[at]. end is the position behind the outermost container, 0
// when it goes on; what stands behind it in the block is not checked.
func (c *checker) check(b *block, at int) (end int, ok bool) {
	quotes := b.quote
	if b.slash != 0 || c.escaped {
		if quotes, ok = c.escapes(quotes, b.slash, at); !ok {
			return 0, false
		}
	}
	str := parity(quotes) ^ c.inString // strings, from the opening quote to before the closing one
	c.inString = -(str >> 63)
	if b.control&str != 0 {
		return 0, false
	}
	if str == ^uint64(0) && quotes == 0 {
		return 0, true // in the middle of a string
	}
	outside := ^(str | quotes)
	object := c.inObject
	if brackets := b.bracket & outside; brackets != 0 {
		if object, end, ok = c.brackets(brackets, b, at); !ok {
			return 0, false
		}
		if end != 0 {
			here := uint64(1)<<uint(end-at) - 1 //nolint:gosec // 1 to 64
			outside &= here
			quotes &= here
		}
	}
	return end, c.tokens(b, quotes, str, outside, object, at)
}

// escapes checks the escapes that begin in the block and returns the quotes that belong to none.
func (c *checker) escapes(quotes, slashes uint64, at int) (uint64, bool) {
	if c.escaped {
		quotes &^= 1
		slashes &^= 1
		c.escaped = false
	}
	for slashes != 0 {
		i := bits.TrailingZeros64(slashes)
		if skipEscape(c.v, at+i+1) < 0 {
			return 0, false
		}
		c.escaped = i == 63
		both := uint64(3) << i
		quotes &^= both
		slashes &^= both
	}
	return quotes, true
}

// brackets opens and closes containers. object has the bytes whose innermost container is an object.
func (c *checker) brackets(brackets uint64, b *block, at int) (object uint64, end int, ok bool) {
	object = c.inObject
	for ; brackets != 0; brackets &= brackets - 1 {
		i := bits.TrailingZeros64(brackets)
		curly := b.bit5 >> i & 1
		if b.bit1>>i&1 != 0 {
			if c.depth == 64 {
				return 0, 0, false
			}
			c.depth++
			c.nesting = c.nesting<<1 | curly
		} else {
			if c.depth == 0 || c.nesting&1 != curly {
				return 0, 0, false
			}
			c.depth--
			c.nesting >>= 1
			if c.depth == 0 {
				return object, at + i + 1, true
			}
		}
		c.inObject = -(c.nesting & 1)
		rest := ^uint64(0) << i
		object = object&^rest | c.inObject&rest
	}
	return object, 0, true
}

// tokens checks that each token is one that the token before it allows, and that scalars are right.
func (c *checker) tokens(b *block, quotes, str, outside, object uint64, at int) bool {
	brackets := b.bracket & outside
	open, closing := brackets&b.bit1, brackets&^b.bit1
	comma, colon, space := b.comma&outside, b.colon&outside, b.space&outside
	begin, end := quotes&str, quotes&^str
	scalar := outside &^ (brackets | comma | colon | space)
	behindScalar := shift(scalar, &c.scalar)
	start := scalar &^ behindScalar

	value := pass(space, shift(colon|comma&^object|open&^b.bit5, &c.value), &c.value)
	key := pass(space, shift(comma&object|open&b.bit5, &c.key), &c.key)
	opened := pass(space, shift(open, &c.opened), &c.opened)
	// Added to a string, the bit of its opening quote runs through it to the closing quote.
	sum, carry := bits.Add64(str, key&begin, c.keyString)
	c.keyString = carry
	keyEnd := sum & end
	keyed := pass(space, shift(keyEnd, &c.keyed), &c.keyed)
	complete := pass(space, shift(end&^keyEnd|closing, &c.complete)|behindScalar&^scalar, &c.complete)

	allowed := value&(begin|start|open) | key&begin | opened&closing | keyed&colon | complete&(comma|closing)
	return allowed == begin|start|brackets|comma|colon &&
		c.numbers(b, scalar, start, behindScalar) && c.literals(b, start, at)
}

// numbers checks numbers without exponents, and that no scalar is a number and something else.
func (c *checker) numbers(b *block, scalar, start, behindScalar uint64) bool {
	digit, point := b.digit&scalar, b.point&scalar
	number := digit | point
	minus, dot := point&^b.bit1, point&b.bit1
	behindNumber := shift(number, &c.number)
	behindMinus, behindDot := shift(minus, &c.minus), shift(dot, &c.dot)

	wrong := behindNumber & scalar &^ number
	wrong |= behindScalar &^ behindNumber & number
	wrong |= minus&^start | dot&start | (behindMinus|behindDot)&^digit
	// Added to digits, the bit of the first one behind a dot runs through them: there is no second dot.
	sum, carry := bits.Add64(digit, behindDot&digit, c.fraction)
	c.fraction = carry
	wrong |= sum & dot
	wrong |= shift((start|behindMinus)&b.zero, &c.zero) & digit
	return wrong == 0
}

// literals checks the scalars that are no numbers.
func (c *checker) literals(b *block, start uint64, at int) bool {
	for words := start &^ (b.digit | b.point); words != 0; words &= words - 1 {
		if !beginsWithLiteral(c.v[at+bits.TrailingZeros64(words):]) {
			return false
		}
	}
	return true
}

// beginsWithLiteral reports whether v begins with a literal and what may stand behind one in a container.
func beginsWithLiteral(v []byte) bool {
	n := 4
	if len(v) <= n {
		return false
	}
	switch binary.LittleEndian.Uint32(v) {
	case 't' | 'r'<<8 | 'u'<<16 | 'e'<<24, 'n' | 'u'<<8 | 'l'<<16 | 'l'<<24:
	case 'f' | 'a'<<8 | 'l'<<16 | 's'<<24:
		if n++; len(v) <= n || v[4] != 'e' {
			return false
		}
	default:
		return false
	}
	switch v[n] {
	case ',', ']', '}', ' ', '\n', '\t', '\r':
		return true
	}
	return false
}

// parity has the bits up to which x has an odd number of bits.
func parity(x uint64) uint64 {
	x ^= x << 1
	x ^= x << 2
	x ^= x << 4
	x ^= x << 8
	x ^= x << 16
	return x ^ x<<32
}

// shift moves bits to the bytes behind.
func shift(mask uint64, carry *uint64) uint64 {
	moved := mask<<1 | *carry
	*carry = mask >> 63
	return moved
}

// pass moves bits that are at the beginning of white space to the byte behind it.
func pass(space, mask uint64, carry *uint64) uint64 {
	if space == 0 {
		return mask
	}
	moved, over := bits.Add64(space, mask&space, 0)
	*carry |= over
	return mask&^space | moved&^space
}
