package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificate writes a self-signed certificate and its key.
func certificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
}

func TestKafkaTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, cert, key, 1)
	sets := []string{"group=g", "kafka.topics=t", "kafka.tls.enabled=true"}
	c, problems := use(sources{sets: sets})
	require.Empty(t, lines(problems))
	require.Equal(t, uint16(tls.VersionTLS12), c.fetch.TLS.MinVersion)
	require.False(t, c.fetch.TLS.InsecureSkipVerify)
	require.Nil(t, c.fetch.TLS.RootCAs, "the system's")

	c, problems = use(sources{sets: append(sets, "kafka.tls.ca_file="+cert, "kafka.tls.cert_file="+cert, "kafka.tls.key_file="+key, "kafka.tls.server_name=kafka")})
	require.Empty(t, lines(problems))
	require.Equal(t, "kafka", c.fetch.TLS.ServerName)
	require.NotNil(t, c.fetch.TLS.RootCAs)
	serial := func() int64 {
		pair, err := c.fetch.TLS.GetClientCertificate(nil)
		require.NoError(t, err)
		return pair.Leaf.SerialNumber.Int64()
	}
	require.EqualValues(t, 1, serial())
	certificate(t, cert, key, 2)
	require.EqualValues(t, 2, serial(), "a rotated certificate is used without a restart")

	for _, set := range []string{"kafka.tls.ca_file=" + key, "kafka.tls.ca_file=" + dir} {
		_, problems = use(sources{sets: append(sets, set)})
		require.Contains(t, strings.Join(lines(problems), "\n"), "kafka.tls.ca_file: must")
	}
	_, problems = use(sources{sets: append(sets, "kafka.tls.cert_file="+cert, "kafka.tls.key_file="+cert)})
	require.Contains(t, strings.Join(lines(problems), "\n"), "kafka.tls.cert_file: must be a certificate that fits kafka.tls.key_file")
}
