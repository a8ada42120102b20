package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// KeySize is the length of a key in bytes: AES-256.
const KeySize = 32

// Keyring holds ready ciphers. It does not change and is safe for concurrent
// use.
type Keyring struct {
	current string
	ciphers map[string]cipher.AEAD
}

// New makes a keyring of keys by their IDs, KeySize bytes each. Current is the
// ID of the key that encrypts. An error names the ID that is wrong.
func New(current string, keys map[string][]byte) (*Keyring, error) {
	if _, there := keys[current]; !there {
		return nil, fmt.Errorf("the current key %s is not among the keys", quoteID(current))
	}
	ring := &Keyring{current: current, ciphers: make(map[string]cipher.AEAD, len(keys))}
	for id, key := range keys {
		if !ValidID(id) {
			return nil, fmt.Errorf("%s is no key ID: want 1 to 64 letters, digits, dots, hyphens and underscores", quoteID(id))
		}
		if len(key) != KeySize {
			return nil, fmt.Errorf("the key %s has %d bytes instead of %d", id, len(key), KeySize)
		}
		sealer, err := newCipher(key)
		if err != nil {
			return nil, fmt.Errorf("preparing the key %s: %w", id, err)
		}
		ring.ciphers[id] = sealer
	}
	return ring, nil
}

// newCipher returns AES-256-GCM that draws a random 96-bit nonce for each
// message and puts it before the cipher text. One key may so encrypt 2^32
// messages (NIST SP 800-38D, section 8.3).
func newCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Current returns the key that encrypts, with its ID. The cipher's nonce is
// empty: it makes its own.
func (k *Keyring) Current() (id string, sealer cipher.AEAD) {
	return k.current, k.ciphers[k.current]
}

// Find returns the key of an ID, and whether there is one.
func (k *Keyring) Find(id string) (opener cipher.AEAD, found bool) {
	opener, found = k.ciphers[id]
	return opener, found
}

// IDs returns the IDs of all keys, sorted.
func (k *Keyring) IDs() []string { return slices.Sorted(maps.Keys(k.ciphers)) }

// String names the keys and shows none.
func (k *Keyring) String() string {
	return fmt.Sprintf("keyring of %s, current %s", strings.Join(k.IDs(), ", "), k.current)
}

// GoString keeps %#v from showing the keys.
func (k *Keyring) GoString() string { return k.String() }

var keyID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidID reports whether text can be the ID of a key. An ID is no secret: it
// stands beside every cipher text.
func ValidID(text string) bool { return keyID.MatchString(text) }

// quoteID shows what should have been an ID. Anything else may be a key that
// was put in the wrong place, and is not shown.
func quoteID(text string) string {
	if ValidID(text) && len(text) < KeySize {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("of %d bytes", len(text))
}
