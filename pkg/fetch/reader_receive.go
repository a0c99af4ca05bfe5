package fetch

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// receive turns what a poll brought into chunks. Partitions with an error are removed from the client
// at once: it would return the error again and again without a pause.
//
// An error without records is looked at before the records of any partition. When the client finds a
// log truncated it says so and goes on at the truncation by itself; whatever it has read there must
// not be taken.
func (r *Reader) receive(cl *kgo.Client, fetches kgo.Fetches) []record.Chunk {
	var chunks []record.Chunk
	var failed []record.TopicPartition
	fail := func(tp record.TopicPartition, re *record.ReadError) {
		st := r.reading[tp]
		chunks = append(chunks, record.Chunk{TopicPartition: tp, Claim: st.claim, Next: st.next, LogEnd: -1, Err: re})
		failed = append(failed, tp)
		r.stop(cl, []record.TopicPartition{tp})
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err == nil || len(p.Records) > 0 {
			return
		}
		re := r.readError(p.Topic, p.Err)
		if re == nil {
			return
		}
		for _, tp := range r.concerned(p.Topic, p.Partition) {
			fail(tp, re)
		}
	})
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		tp := record.TopicPartition{Topic: p.Topic, Partition: p.Partition}
		st := r.reading[tp]
		if st == nil || len(p.Records) == 0 {
			return
		}
		if first := p.Records[0].Offset; first < st.next {
			fail(tp, &record.ReadError{Kind: record.Truncated, Err: fmt.Errorf("read %s: offset %d came after %d", tp, first, st.next-1)})
			return
		}
		chunk := r.chunkOf(tp, st.claim, &p.FetchPartition)
		st.next = chunk.Next
		chunks = append(chunks, chunk)
		if re := r.readError(p.Topic, p.Err); re != nil {
			fail(tp, re)
		}
	})
	for _, tp := range failed {
		r.log.Debug().Str("topic", tp.Topic).Int32("partition", tp.Partition).Msg("stopped reading")
	}
	return chunks
}

// concerned are the partitions that are read and that an error is about: of a partition below 0, all of the topic.
func (r *Reader) concerned(topic string, partition int32) []record.TopicPartition {
	tp := record.TopicPartition{Topic: topic, Partition: partition}
	if partition >= 0 {
		if r.reading[tp] == nil {
			return nil
		}
		return []record.TopicPartition{tp}
	}
	var all []record.TopicPartition
	for tp := range r.reading {
		if tp.Topic == topic {
			all = append(all, tp)
		}
	}
	return all
}

// readError classifies an error of a poll; nil = the client goes on by itself.
func (r *Reader) readError(topic string, err error) *record.ReadError {
	var truncated *kgo.ErrDataLoss
	var kind record.ReadErrorKind
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, kgo.ErrClientClosed):
		return nil
	case errors.As(err, &truncated):
		kind = record.Truncated
	case errors.Is(err, kerr.OffsetOutOfRange):
		kind = record.OutOfRange
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		kind = record.Unauthorized
	case errors.Is(err, kerr.UnknownTopicID):
		kind = record.ReadFailed // retriable by its name, but the client never reads a recreated topic again
	case topic == "" || kerr.IsRetriable(err):
		if !r.ignored[err.Error()] {
			r.ignored[err.Error()] = true
			r.log.Warn().Str("topic", topic).Err(err).Msg("reading is disturbed; the client goes on by itself")
		}
		return nil
	default:
		kind = record.ReadFailed
	}
	return &record.ReadError{Kind: kind, Err: fmt.Errorf("read topic %s: %w", topic, err)}
}

// chunkOf copies the heads of the records, not their bytes. There is at least one record.
//
// The client's own records go back to their pool at once where their bytes are a response's, which the collector keeps: they are
// used again while the processor's caches still hold them. The bytes of a compressed batch are used again with its
// records, so these are kept until the release.
func (r *Reader) chunkOf(tp record.TopicPartition, claim uint64, p *kgo.FetchPartition) record.Chunk {
	data, headers := 0, 0
	for _, kr := range p.Records {
		if !kr.Attrs.IsControl() {
			data++
			headers += len(kr.Headers)
		}
	}
	chunk := record.Chunk{
		TopicPartition: tp, Claim: claim,
		Next:   p.Records[len(p.Records)-1].Offset + 1,
		LogEnd: p.HighWatermark,
	}
	records := r.slabs.get(data)
	slab := make([]record.Header, 0, headers)
	kept := p.Records[:0]
	for _, kr := range p.Records {
		if !kr.Attrs.IsControl() {
			records = append(records, record.Record{
				Offset: kr.Offset, Timestamp: timestamp(kr), LeaderEpoch: kr.LeaderEpoch,
				Key: kr.Key, Value: kr.Value, Headers: headersOf(kr, &slab),
			})
			chunk.Bytes += records[len(records)-1].Size()
		}
		if kr.Attrs.CompressionType() == 0 {
			kr.Recycle()
		} else {
			kept = append(kept, kr)
		}
	}
	chunk.Records = records
	chunk.Release = func() {
		recycle(kept)
		r.slabs.put(records)
	}
	return chunk
}

// headersOf copies headers into what is left of the slab, which has room for them.
func headersOf(kr *kgo.Record, slab *[]record.Header) []record.Header {
	if len(kr.Headers) == 0 {
		return nil
	}
	at := len(*slab)
	for _, h := range kr.Headers {
		*slab = append(*slab, record.Header{Name: h.Key, Value: h.Value})
	}
	return (*slab)[at:len(*slab):len(*slab)]
}

// timestamp is in milliseconds since the epoch; -1 if the record has none (message format 0).
func timestamp(kr *kgo.Record) int64 {
	if kr.Attrs.TimestampType() < 0 {
		return -1
	}
	return max(kr.Timestamp.UnixMilli(), -1)
}

func recycle(records []*kgo.Record) {
	for _, kr := range records {
		kr.Recycle()
	}
}
