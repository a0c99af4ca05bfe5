package oracle

import "fmt"

// checkFences is I6: in the store by the order of the versions, at the apps by the order of the requests.
func (c *court) checkFences() {
	for _, p := range c.places() {
		if k := c.keys[p]; k != nil {
			c.checkEpochs(k)
		}
		c.checkZombies(p)
	}
}

// checkEpochs: the epoch never goes down, and an epoch has one owner, who is one process.
func (c *court) checkEpochs(k *key) {
	writer := map[string]string{} // of an owner
	for _, v := range k.versions {
		if v.byOperator() || v.bad || v.Deleted {
			continue
		}
		before := v.replaced
		switch {
		case before == nil || before.bad:
		case v.epoch < before.epoch:
			c.fenced(v, fmt.Sprintf("a write under epoch %d replaced one under epoch %d", v.epoch, before.epoch), before)
		case v.epoch == before.epoch && v.owner != before.owner:
			c.fenced(v, fmt.Sprintf("two owners, %s and %s, wrote under epoch %d", before.owner, v.owner, v.epoch), before)
		}
		if w, ok := writer[v.owner]; ok && w != v.Writer {
			c.fenced(v, fmt.Sprintf("%s wrote as the owner %s, which is %s", v.Writer, v.owner, w), before)
		}
		writer[v.owner] = v.Writer
	}
}

// checkZombies: after an app saw a fence, a lower one comes only from an owner who could not know that it was replaced.
func (c *court) checkZombies(p Place) {
	var highest *visit
	for _, v := range c.visits[p] {
		switch {
		case highest == nil || v.Fence >= highest.Fence:
			highest = v
		case v.request.gone <= v.request.Time+c.slack, c.stale(v.request): // dead on arrival
		case v.claim != nil && c.cutOff(c.proc(v.claim.Writer), highest.request.Time, v.request.Time):
		default:
			c.verdict.Table.fenced(v.request.Time)
			c.verdict.add(Violation{
				Invariant: 6, Place: p, Offset: v.From, Time: v.request.Time,
				What:     fmt.Sprintf("delivered under fence %d after fence %d, and its owner was neither frozen nor cut off from Kafka", v.Fence, highest.Fence),
				Evidence: []string{highest.String(), v.String()},
			})
		}
	}
}

func (c *court) fenced(v *version, what string, before *version) {
	c.verdict.Table.fenced(v.Sent)
	c.blame(6, v, what, before, v)
}
