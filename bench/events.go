package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// distinctEvents: more than lz4 looks back over, so that a topic does not compress better than orders do.
const distinctEvents = 2048

// orderEvents are orders in JSON of exactly size bytes each, the same on every run.
func orderEvents(size int) [][]byte {
	random := rand.New(rand.NewPCG(1, uint64(size)))
	events := make([][]byte, distinctEvents)
	for i := range events {
		events[i] = orderEvent(random, size)
	}
	return events
}

// orderEvent has as many items as fit, then a note up to the size.
func orderEvent(random *rand.Rand, size int) []byte {
	const noteRoom = len(`,"note":""}`)
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":"%016x","total":%.2f`, random.Uint64(), 1000*random.Float64())
	if size >= 512 {
		fmt.Fprintf(&b, `,"customer":{"id":%d,"name":"%s","email":"%s@example.org"},"currency":"EUR","express":%t,"items":[`,
			random.IntN(1e6), word(random, 12), word(random, 10), random.IntN(2) == 0)
		for first := true; ; first = false {
			item := orderItem(random)
			if b.Len()+len(item)+len(`,]`)+noteRoom > size-size/8 {
				break
			}
			if !first {
				b.WriteByte(',')
			}
			b.WriteString(item)
		}
		b.WriteByte(']')
	}
	fmt.Fprintf(&b, `,"note":"%s"}`, word(random, size-b.Len()-noteRoom))
	return []byte(b.String())
}

func orderItem(random *rand.Rand) string {
	return fmt.Sprintf(`{"sku":"%s-%04d","title":"%s %s","quantity":%d,"price":%.2f,"gift":%t}`,
		word(random, 3), random.IntN(10000), word(random, 7), word(random, 9), 1+random.IntN(9), 100*random.Float64(), random.IntN(8) == 0)
}

// word is n letters, with a space now and then where it is long.
func word(random *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		if b[i] = 'a' + byte(random.IntN(26)); i%8 == 7 && n > 12 {
			b[i] = ' '
		}
	}
	return string(b)
}
