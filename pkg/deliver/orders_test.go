package deliver

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// orderEvents are n orders in compact JSON of about size bytes each, the shape that make bench
// measures with. They differ: over one value again and again a processor would learn every branch.
func orderEvents(n, size int) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = 'a' + byte(random.IntN(26))
		}
		return string(b)
	}
	events := make([][]byte, n)
	for i := range events {
		var b strings.Builder
		fmt.Fprintf(&b, `{"id":"%016x","total":%.2f,"customer":{"id":%d,"name":"%s","email":"%s@example.org"},"currency":"EUR","express":%t,"items":[`,
			random.Uint64(), 1000*random.Float64(), random.IntN(1e6), word(12), word(10), random.IntN(2) == 0)
		for b.Len() < size-size/8 {
			fmt.Fprintf(&b, `{"sku":"%s-%04d","title":"%s %s","quantity":%d,"price":%.2f,"gift":%t},`,
				word(3), random.IntN(10000), word(7), word(9), 1+random.IntN(9), 100*random.Float64(), random.IntN(8) == 0)
		}
		fmt.Fprintf(&b, `{}],"note":"%s"}`, word(max(0, size-b.Len()-14)))
		events[i] = []byte(b.String())
	}
	return events
}
