package jose

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"orderflow/internal/atomicfile"
)

// Errors of RemovePublicKey, for errors.Is.
var (
	// ErrNoSuchKey says that no key of the set has the kid.
	ErrNoSuchKey = errors.New("there is no such key in the set")
	// ErrCurrentKey says that the key is the one that signs.
	ErrCurrentKey = errors.New("the key is in use: replace it first")
)

// PublicKeyIDs returns the kids of the JWK set in a file.
func PublicKeyIDs(setFile string) ([]string, error) {
	set, err := readSet(setFile)
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range set.Len() {
		key, _ := set.Key(i)
		id, _ := key.KeyID()
		ids = append(ids, id)
	}
	return ids, nil
}

// RemovePublicKey takes a key out of the JWK set in a file, but not the public
// half of the one that signs. The error is ErrNoSuchKey or ErrCurrentKey.
func RemovePublicKey(setFile, kid string, signing *SigningKey) error {
	if kid == signing.ID() {
		return ErrCurrentKey
	}
	set, err := readSet(setFile)
	if err != nil {
		return err
	}
	key, known := set.LookupKeyID(kid)
	if !known {
		return ErrNoSuchKey
	}
	if err := set.RemoveKey(key); err != nil {
		return fmt.Errorf("removing from the key set: %w", err)
	}
	return writeSet(setFile, set)
}

// publish adds the public half of the key to the set in a file.
func publish(private jwk.Key, setFile string) error {
	public, err := private.PublicKey()
	if err != nil {
		return fmt.Errorf("deriving the public key: %w", err)
	}
	set, err := readSet(setFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		set = jwk.NewSet()
	case err != nil:
		return err
	}
	kid, _ := public.KeyID()
	if _, known := set.LookupKeyID(kid); known {
		return nil
	}
	if err := set.AddKey(public); err != nil {
		return fmt.Errorf("adding to the key set: %w", err)
	}
	return writeSet(setFile, set)
}

func readSet(path string) (jwk.Set, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %w", err)
	}
	set, err := jwk.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %s holds no JWK set", path)
	}
	return set, nil
}

func writeSet(path string, set jwk.Set) error {
	content, err := json.MarshalIndent(set, "", "  ")
	if err == nil {
		err = atomicfile.Replace(path, append(content, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing the key set: %w", err)
	}
	return nil
}
