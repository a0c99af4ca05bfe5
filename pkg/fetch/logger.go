package fetch

import (
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
)

// repeatAfter is how long a message of the client is not repeated: an outage makes it say the same
// thing at every try.
const repeatAfter = 30 * time.Second

// clientLog passes the client's warnings and errors on. The client never logs keys, values or secrets.
type clientLog struct {
	log zerolog.Logger

	mu   sync.Mutex
	said map[string]time.Time // the client's messages are constants, so this stays small
}

func newClientLog(log zerolog.Logger, what string) *clientLog {
	return &clientLog{log: log.With().Str("client", what).Logger(), said: map[string]time.Time{}}
}

// Level implements kgo.Logger.
func (*clientLog) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log implements kgo.Logger.
func (l *clientLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	if level > kgo.LogLevelWarn || !l.isNews(msg) {
		return
	}
	// An error of the client is not one of the process: it goes on trying.
	ev := l.log.Warn()
	for i := 0; i+1 < len(keyvals); i += 2 {
		key := fmt.Sprint(keyvals[i])
		if err, ok := keyvals[i+1].(error); ok {
			ev = ev.AnErr(key, err)
			continue
		}
		ev = ev.Str(key, fmt.Sprint(keyvals[i+1]))
	}
	ev.Msg("kafka client: " + msg)
}

func (l *clientLog) isNews(msg string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if at, ok := l.said[msg]; ok && now.Sub(at) < repeatAfter {
		return false
	}
	l.said[msg] = now
	return true
}
