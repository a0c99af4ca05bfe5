package oracle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// batchID is the id the protocol prescribes for these ranges, computed from its text and not from the sidecar's code.
func batchID(group string, parts []Part) string {
	h := sha256.New()
	fmt.Fprintf(h, "1\n%s\n", group)
	for _, p := range parts {
		fmt.Fprintf(h, "%s\n%d\n%d\n%d\n", p.Topic, p.Partition, p.From, p.Until)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
