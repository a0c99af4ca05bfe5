//go:build !unix

package deliver

import (
	"net"
	"time"
)

// alive reports whether a kept connection can carry another request. Where that can't be asked
// without waiting, each request gets its own connection.
func alive(net.Conn, time.Time) bool { return false }
