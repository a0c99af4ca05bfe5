//go:build !amd64

package deliver

import "encoding/base64"

// appendStdBase64 appends src in standard padded base64.
func appendStdBase64(dst, src []byte) []byte { return base64.StdEncoding.AppendEncode(dst, src) }
