//go:build !amd64

package deliver

// embeddable reports whether v can stand in the body as it is: one JSON value in valid UTF-8, with
// white space around it or not, and not the literal null, which means a record without a value.
func embeddable(v []byte) bool { return embeddablePlain(v) }
