package examples

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAppsWithoutSDKDoNotAcknowledgeHalfABatch: a body that ends before its length is no batch, whatever is in it.
func TestAppsWithoutSDKDoNotAcknowledgeHalfABatch(t *testing.T) {
	for folder, program := range withoutSDK {
		t.Run(folder, func(t *testing.T) {
			need(t, program)
			e := open(t, folder)
			e.startApp()
			conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
			_, err = fmt.Fprintf(conn, "POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
				"Sidecar-Protocol: 1\r\nContent-Length: %d\r\n\r\n%s", len(smallBatch)+1, smallBatch)
			require.NoError(t, err)
			require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			answer, _ := io.ReadAll(conn) // the app may close the connection without an answer
			require.NotContains(t, string(answer), " 200 ")
		})
	}
}
