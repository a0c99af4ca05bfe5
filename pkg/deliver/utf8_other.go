//go:build !amd64

package deliver

import "unicode/utf8"

func validUTF8(v []byte) bool { return utf8.Valid(v) }
