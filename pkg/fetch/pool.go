package fetch

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// largestPooled is the largest buffer that is kept for another batch; a batch is at most a fetch of a
// partition (1 MiB) before decompression, so larger ones are rare and would only hold memory.
const largestPooled = 8 << 20

// pools lends the client the memory of decompressed batches and of their records. It comes back when
// every record of a batch was recycled, which Chunk.Release does; a chunk that is never released is
// left to the garbage collector. Not pooled: the response itself, which the records of uncompressed
// batches point into.
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
