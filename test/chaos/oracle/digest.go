package oracle

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

// Digest stands for the content of a record: the first 8 bytes of a SHA-256. Two records of one run that differ have the same one
// with a chance of one in 2^64.
type Digest [8]byte

// Header is a header of a record; a nil Value is null.
type Header struct {
	Name  []byte
	Value []byte
}

// DigestOf is the digest of a record. nil is null, which differs from empty. The timestamp is in milliseconds, -1 = none. Every
// field goes in with its length, so no two contents run into the same bytes.
func DigestOf(timestamp int64, key, value []byte, headers []Header) Digest {
	h := sha256.New()
	number(h, timestamp)
	field(h, key)
	field(h, value)
	number(h, int64(len(headers)))
	for _, header := range headers {
		field(h, header.Name)
		field(h, header.Value)
	}
	return Digest(h.Sum(nil)[:8])
}

func field(h hash.Hash, b []byte) {
	if b == nil {
		number(h, -1)
		return
	}
	number(h, int64(len(b)))
	h.Write(b)
}

func number(h hash.Hash, n int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

// String is 16 hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText is what stands in the logs.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText takes 16 hex digits.
func (d *Digest) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(d) {
		return fmt.Errorf("a digest has %d hex digits, not %d", 2*len(d), len(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// Digests stand in the logs as one base64 text of 8 bytes for each, without padding.
type Digests []Digest

// MarshalText is what stands in the logs.
func (ds Digests) MarshalText() ([]byte, error) {
	flat := make([]byte, 0, 8*len(ds))
	for _, d := range ds {
		flat = append(flat, d[:]...)
	}
	return base64.RawStdEncoding.AppendEncode(nil, flat), nil
}

// UnmarshalText takes what MarshalText wrote.
func (ds *Digests) UnmarshalText(text []byte) error {
	flat, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	if len(flat)%8 != 0 {
		return fmt.Errorf("digests of %d bytes, not a multiple of 8", len(flat))
	}
	*ds = make(Digests, len(flat)/8)
	for i := range *ds {
		copy((*ds)[i][:], flat[8*i:])
	}
	return nil
}
