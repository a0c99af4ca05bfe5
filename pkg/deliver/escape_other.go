//go:build !amd64

package deliver

// appendEscaped appends src as the inside of a JSON string. ascii is false when src has a byte above
// 0x7f: whether it is valid UTF-8 is then still to be checked.
func appendEscaped(dst, src []byte) (out []byte, ascii bool) {
	return escapePlain(dst, src)
}
