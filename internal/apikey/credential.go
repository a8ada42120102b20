package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// Prefix begins every key, and no other bearer token.
const Prefix = "ofk_"

const (
	idLength     = 16 // 80 bits, so that no two keys meet
	secretLength = 52 // 256 bits
	secretBytes  = 32
)

// alphabet has neither capitals nor signs, so that a double click selects the
// whole key.
const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

// credential is a key in its two parts.
type credential struct {
	id     string
	secret string
}

// newCredential draws a key that nobody can guess.
func newCredential() credential {
	encoding := base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)
	random := make([]byte, secretBytes)
	draw := func(n int) string {
		// It never fails; see its documentation.
		_, _ = rand.Read(random)
		return encoding.EncodeToString(random)[:n]
	}
	return credential{id: draw(idLength), secret: draw(secretLength)}
}

// parseCredential reads a key as newCredential makes them; false for any other
// text.
func parseCredential(text string) (credential, bool) {
	rest, found := strings.CutPrefix(text, Prefix)
	if !found || len(rest) != idLength+1+secretLength || rest[idLength] != '_' {
		return credential{}, false
	}
	c := credential{id: rest[:idLength], secret: rest[idLength+1:]}
	return c, validID(c.id) && inAlphabet(c.secret)
}

func validID(text string) bool { return len(text) == idLength && inAlphabet(text) }

func inAlphabet(text string) bool {
	return strings.Trim(text, alphabet) == ""
}

// text is what the key's owner is given, once.
func (c credential) text() string { return Prefix + c.id + "_" + c.secret }

// hash is what is kept of the secret.
func (c credential) hash() [sha256.Size]byte { return sha256.Sum256([]byte(c.secret)) }

// String keeps the secret out of logs.
func (c credential) String() string { return Prefix + c.id + "_…" }

// GoString keeps the secret out of %#v.
func (c credential) GoString() string { return c.String() }
