//go:build !linux

package deliver

import "testing"

// guarded is memory of n bytes.
func guarded(_ testing.TB, n int) []byte { return make([]byte, n) }
