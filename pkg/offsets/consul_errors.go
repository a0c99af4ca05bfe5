package offsets

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/consul/api"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// denied names the rule that grants everything the sidecar needs.
func (c *Consul) denied(key string) error {
	return &record.DeniedError{Key: key, Rule: fmt.Sprintf("key_prefix %q { policy = \"write\" }", c.folder)}
}

// readError is what a read came to; nil if it has an answer. A read changes nothing, so whatever
// may heal is record.ErrUnavailable.
func (c *Consul) readError(r reply, keys []string) error {
	if r.denied() {
		return c.denied(c.deniedKey(r, keys))
	}
	switch {
	case r.err == nil && r.ok:
		return nil
	case r.err == nil:
		return &record.InvalidError{Reason: whats(r.errors)}
	case isInvalid(r.status):
		return invalid(r)
	default:
		return unavailable(r)
	}
}

// deniedKey is the first key of those a refused reply names.
func (c *Consul) deniedKey(r reply, keys []string) string {
	for _, e := range r.errors {
		if isDenied(e.What) && e.OpIndex >= 0 && e.OpIndex < len(keys) {
			return keys[e.OpIndex]
		}
	}
	if r.hidden {
		seen := make(map[string]bool, len(r.results))
		for _, result := range r.results {
			if result.KV != nil {
				seen[result.KV.Key] = true
			}
		}
		for _, key := range keys {
			if !seen[key] {
				return key
			}
		}
	}
	return keys[0]
}

// writeError is what a transaction of writes came to; nil if it was applied.
func (c *Consul) writeError(r reply, ops []*api.KVTxnOp) error {
	if r.denied() {
		// ACLs are checked before anything is applied.
		keys := make([]string, len(ops))
		for i, op := range ops {
			keys[i] = op.Key
		}
		return c.denied(c.deniedKey(r, keys))
	}
	switch {
	case r.err == nil && r.ok:
		return nil
	case r.err == nil:
		return rolledBack(r.errors, len(ops))
	case isInvalid(r.status):
		return invalid(r)
	case nothingWritten(r):
		return unavailable(r)
	default:
		return fmt.Errorf("%w: %w", record.ErrOutcomeUnknown, r.err)
	}
}

// rolledBack tells stale keys from everything else a transaction can be refused for.
func rolledBack(errs api.TxnErrors, ops int) error {
	var stale []int
	for _, e := range errs {
		if !strings.Contains(e.What, "index is stale") || e.OpIndex < 0 || e.OpIndex >= ops {
			return &record.InvalidError{Reason: whats(errs)}
		}
		stale = append(stale, e.OpIndex)
	}
	if len(stale) == 0 {
		return fmt.Errorf("%w: the transaction was refused without a reason", record.ErrUnavailable)
	}
	return &record.StaleError{Stale: stale}
}

// nothingWritten: the write failed for a reason that excludes that it was, or will be, applied.
func nothingWritten(r reply) bool {
	switch {
	case r.status == 0:
		return !r.sent
	case r.status == http.StatusOK || r.status == http.StatusConflict:
		return false // the answer was cut short
	case r.status == http.StatusServiceUnavailable:
		return true // overloaded: refused at the door
	case r.status >= 500:
		// Without a leader a request is not passed on. "leadership lost" comes after it was.
		return strings.Contains(r.err.Error(), "No cluster leader")
	default:
		return true // 429, and 3xx or 4xx of something that is not Consul
	}
}

// isInvalid: the request itself is refused, and will be again.
func isInvalid(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge
}

func invalid(r reply) error {
	return &record.InvalidError{Reason: fmt.Sprintf("Consul refuses the request with %d: %s", r.status, text(r.err))}
}

func unavailable(r reply) error {
	if r.status == 0 {
		return fmt.Errorf("%w: %w", record.ErrUnavailable, r.err)
	}
	return fmt.Errorf("%w: answered %d: %s", record.ErrUnavailable, r.status, text(r.err))
}

// text is the server's own words.
func text(err error) string {
	return strings.TrimSpace(strings.TrimPrefix(err.Error(), "Failed request: "))
}

func whats(errs api.TxnErrors) string {
	texts := make([]error, len(errs))
	for i, e := range errs {
		texts[i] = errors.New(e.What)
	}
	if len(texts) == 0 {
		return "the transaction was refused without a reason"
	}
	return strings.ReplaceAll(errors.Join(texts...).Error(), "\n", "; ")
}
