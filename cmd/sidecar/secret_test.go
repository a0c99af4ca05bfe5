package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSecretFileIsReadAgainWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	at := time.Now().Add(-time.Hour)
	write := func(text string) {
		t.Helper()
		at = at.Add(time.Second)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
	}
	write("first\n")
	get, err := (&secret{file: path}).open()
	require.NoError(t, err)
	require.Equal(t, "first", get())
	write("other\r\n")
	require.Equal(t, "other", get())
	write("") // it is being replaced
	require.Equal(t, "other", get())
	require.NoError(t, os.Remove(path))
	require.Equal(t, "other", get())
	write("third")
	require.Equal(t, "third", get())
}

func TestSecretFilesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "blank": "\n", "two": "a\nb", "binary": "a\x00b", "large": string(make([]byte, maxSecret+1))} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := (&secret{file: path}).open()
		require.Error(t, err, name)
	}
	_, err := (&secret{file: dir}).open()
	require.Error(t, err)
	get, err := (&secret{}).open()
	require.NoError(t, err)
	require.Nil(t, get, "no secret")
}
