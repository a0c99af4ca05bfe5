package deliver

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/protocol/protocoltest"
)

// The examples of protocol/ are what the encoder writes.
func TestContractExamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "protocol", "README.md"))
	require.NoError(t, err)
	readme := string(text)

	_, rest, found := strings.Cut(readme, "only with app.token\n")
	require.True(t, found)
	example, _, _ := strings.Cut(strings.TrimSpace(rest), "\n\n")
	var body bytes.Buffer
	require.NoError(t, json.Compact(&body, []byte(example)))
	b, err := protocoltest.DecodeJSON(body.Bytes())
	require.NoError(t, err)
	assert.Equal(t, body.String(), string(appendJSON(nil, b, valueAuto, 1<<20)))
	assert.True(t, strings.Contains(readme, "Content-Length: "+strconv.Itoa(body.Len())), "Content-Length must be %d", body.Len())
	assert.True(t, strings.Contains(readme, "Sidecar-Batch: "+b.ID()), "Sidecar-Batch must be %s", b.ID())

	curl := regexp.MustCompile(`(?s)curl .*Sidecar-Batch: ([0-9a-f]+)'.*-d '(.*?)'\n`).FindStringSubmatch(readme)
	require.NotNil(t, curl)
	b, err = protocoltest.DecodeJSON([]byte(curl[2]))
	require.NoError(t, err)
	assert.Equal(t, b.ID(), curl[1])
	assert.Equal(t, curl[2], string(appendJSON(nil, b, valueAuto, 1<<20)))
}
