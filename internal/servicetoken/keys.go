package servicetoken

import (
	"path/filepath"

	"orderflow/internal/jose"
)

// Files in a folder of keys. In production, the first is given to those who
// call only, and the second to the services.
const (
	SigningKeyFile = "signing-key.jwk"
	KeySetFile     = "jwks.json"
)

// OpenKeys reads the signing key in dir, or makes it and its public half; see
// jose.OpenSigningKey.
func OpenKeys(dir string) (key *jose.SigningKey, created bool, err error) {
	return jose.OpenSigningKey(filepath.Join(dir, SigningKeyFile), filepath.Join(dir, KeySetFile))
}
