package fetch

import (
	"math/bits"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// largestPooled is the largest buffer that is kept for another batch; a batch is at most a fetch of a
// partition (1 MiB) before decompression, so larger ones are rare and would only hold memory.
const largestPooled = 8 << 20

// pools lends the client the memory of decompressed batches and of their records. It comes back when
// every record of a batch was recycled, by chunkOf or, after a decompression, by Chunk.Release; a chunk
// that is never released is left to the garbage collector. Not pooled: the response itself, which the
// records of uncompressed batches point into.
type pools struct {
	bytes   sync.Pool // *[]byte
	records sync.Pool // *[]kgo.Record
}

// GetDecompressBytes implements kgo.PoolDecompressBytes.
func (p *pools) GetDecompressBytes(compressed []byte, _ kgo.CompressionCodecType) []byte {
	if b, ok := p.bytes.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 0, 4*len(compressed))
}

// PutDecompressBytes implements kgo.PoolDecompressBytes.
func (p *pools) PutDecompressBytes(b []byte) {
	if cap(b) <= largestPooled {
		p.bytes.Put(&b)
	}
}

// GetRecords implements kgo.PoolRecords.
func (p *pools) GetRecords(n int) []kgo.Record {
	if r, ok := p.records.Get().(*[]kgo.Record); ok && cap(*r) >= n {
		return *r
	}
	return make([]kgo.Record, n)
}

// PutRecords implements kgo.PoolRecords.
func (p *pools) PutRecords(r []kgo.Record) { p.records.Put(&r) }

// Slabs are pooled from 2^smallSlab to 2^largeSlab records: smaller ones cost nothing, a fetch of a
// partition hardly brings more.
const (
	smallSlab = 5
	largeSlab = 14
)

// slabs lends chunks the memory of their records, by powers of two, so that a chunk of few records does
// not hold the memory of many.
type slabs [largeSlab + 1]sync.Pool // *[]record.Record

// get returns an empty slab with room for n records.
func (s *slabs) get(n int) []record.Record {
	class := slabClass(n)
	if class < smallSlab || class > largeSlab {
		return make([]record.Record, 0, n)
	}
	if rs, ok := s[class].Get().(*[]record.Record); ok {
		return *rs
	}
	return make([]record.Record, 0, 1<<class)
}

// put takes a slab back. It is cleared: its records would hold the memory they point into.
func (s *slabs) put(rs []record.Record) {
	class := slabClass(cap(rs))
	if class < smallSlab || class > largeSlab {
		return
	}
	clear(rs)
	rs = rs[:0]
	s[class].Put(&rs)
}

// slabClass is the power of two that n records fit into.
func slabClass(n int) int { return bits.Len(uint(max(n-1, 0))) }
