package jose

import (
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// publicKey verifies tokens of one kid, with one algorithm.
type publicKey struct {
	key       jwk.Key
	algorithm jwa.SignatureAlgorithm
}

var errNoUsableKey = errors.New("no key with a kid that signs tokens by an asymmetric algorithm")

// parsePublicKeys picks from a JWK set the keys that can have signed a token,
// by kid. Keys for other uses, and of types that we do not know, may stand in
// the same set (RFC 7517, section 5).
// The text of an error quotes nothing of the content.
func parsePublicKeys(content []byte) (map[string]publicKey, error) {
	set, err := jwk.Parse(content, jwk.WithIgnoreParseError(true))
	if err != nil {
		return nil, errors.New("it is no JWK set")
	}
	keys := make(map[string]publicKey, set.Len())
	for i := range set.Len() {
		key, _ := set.Key(i)
		kid, _ := key.KeyID()
		algorithm, usable := algorithmOf(key)
		if kid == "" || !usable {
			continue
		}
		if _, twice := keys[kid]; twice {
			return nil, fmt.Errorf("two keys have the kid %q", kid)
		}
		public, err := key.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", kid, err)
		}
		keys[kid] = publicKey{key: public, algorithm: algorithm}
	}
	if len(keys) == 0 {
		return nil, errNoUsableKey
	}
	return keys, nil
}
