package main

// demoFigures is what an act comes to, computed from the producer's log and the app's log alone.
type demoFigures struct {
	produced     int // records the broker accepted during the act
	acknowledged int // of these, how many the app acknowledged with the content that was produced
	lost         int // of these, how many it did not
	repeated     int // deliveries of a record that had been acknowledged before
	gap          *demoPlace
}

// demoCount takes the records from the offsets `from` on (0 for a partition that is not in it), and
// the app's log from its mark on.
func demoCount(written map[demoPlace]string, from []int64, log []demoDelivery, mark int) demoFigures {
	var f demoFigures
	acked := map[demoPlace]bool{}
	for i, d := range log {
		if i >= mark && acked[d.demoPlace] {
			f.repeated++
		}
		if d.acked && written[d.demoPlace] == d.value {
			acked[d.demoPlace] = true
		}
	}
	for place := range written {
		if place.offset < demoStart(from, place.partition) {
			continue
		}
		f.produced++
		if acked[place] {
			f.acknowledged++
		}
	}
	f.lost = f.produced - f.acknowledged
	f.gap = demoGap(from, log[mark:])
	return f
}

// demoGap is the first place at which a delivery went past a record that had not been delivered; nil = none.
func demoGap(from []int64, log []demoDelivery) *demoPlace {
	next := map[int32]int64{}
	for _, d := range log {
		want, ok := next[d.partition]
		if !ok {
			want = demoStart(from, d.partition)
		}
		if d.offset > want {
			return &demoPlace{d.partition, want}
		}
		next[d.partition] = max(want, d.offset+1)
	}
	return nil
}

func demoStart(from []int64, partition int32) int64 {
	if int(partition) < len(from) {
		return from[partition]
	}
	return 0
}
