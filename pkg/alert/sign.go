package alert

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// errSecret does not say what the secret is.
var errSecret = errors.New("must be whsec_ followed by base64 of at least 24 bytes (the value is not shown)")

// leastKey is the shortest key in bytes. Source: the specification of Standard Webhooks, "between 24 bytes (192 bits) and 64 bytes".
const leastKey = 24

// signingKey decodes a secret; the prefix may be missing, as the SDKs of both sides allow.
func signingKey(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < leastKey {
		return nil, errSecret
	}
	return key, nil
}

// sign sets the headers of Standard Webhooks. The id names the message and stays the same for every try, the time is that of the try.
func sign(h http.Header, secret, id string, at time.Time, body []byte) error {
	stamp := strconv.FormatInt(at.Unix(), 10)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	if secret == "" {
		return nil
	}
	key, err := signingKey(secret)
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

// newID is fit for webhook-id: unique, and without a dot, which parts what is signed.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return "msg_" + hex.EncodeToString(b[:])
}
