package keyring

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"orderflow/internal/atomicfile"
	"orderflow/internal/strictjson"
)

// Errors of a change, for errors.Is. Each comes with the ID that it is about.
var (
	// ErrNoSuchKey says that the ID is not in the keyring.
	ErrNoSuchKey = errors.New("there is no such key in the keyring")
	// ErrCurrent says that the current key cannot be removed.
	ErrCurrent = errors.New("the current key cannot be removed")
)

// document is the file's content. Go writes bytes in base64 (RFC 4648).
type document struct {
	Current string            `json:"current"`
	Keys    map[string][]byte `json:"keys"`
}

// Open reads the keyring in the file at path. An error says which file cannot
// be used and why: it is not there, others can read it, or it is damaged.
func Open(path string) (*Keyring, error) {
	content, err := read(path)
	if err != nil {
		return nil, err
	}
	ring, err := New(content.Current, content.Keys)
	if err != nil {
		return nil, fmt.Errorf("reading the keyring %s: %w", path, err)
	}
	return ring, nil
}

// Create makes a keyring with one new key, unless there is a file at path
// already, which created = false says. Processes that do so at once agree on
// one file. The folder must exist. Now gives the key's ID its date.
func Create(path string, now time.Time) (created bool, err error) {
	id, content := newID(now), document{Keys: map[string][]byte{}}
	content.Current, content.Keys[id] = id, newKey()
	text, err := content.text()
	if err == nil {
		created, err = atomicfile.Create(path, text, ownersMode)
	}
	if err != nil {
		return false, fmt.Errorf("writing the keyring: %w", err)
	}
	return created, nil
}

// Add puts a new key into the file, which decrypts and does not encrypt yet,
// and returns its ID.
func Add(path string, now time.Time) (id string, err error) {
	return id, change(path, func(content *document) error {
		for taken := true; taken; _, taken = content.Keys[id] {
			id = newID(now)
		}
		content.Keys[id] = newKey()
		return nil
	})
}

// Use makes a key of the file the current one. The error is ErrNoSuchKey when
// there is none of the ID.
func Use(path, id string) error {
	return change(path, func(content *document) error {
		if _, there := content.Keys[id]; !there {
			return fmt.Errorf("%s: %w", quoteID(id), ErrNoSuchKey)
		}
		content.Current = id
		return nil
	})
}

// Remove takes a key out of the file. What it encrypted cannot be read any
// more, by anybody. The error is ErrNoSuchKey or ErrCurrent.
func Remove(path, id string) error {
	return change(path, func(content *document) error {
		if _, there := content.Keys[id]; !there {
			return fmt.Errorf("%s: %w", quoteID(id), ErrNoSuchKey)
		}
		if id == content.Current {
			return fmt.Errorf("%s: %w", quoteID(id), ErrCurrent)
		}
		delete(content.Keys, id)
		return nil
	})
}

// change rewrites the file, which only its owner can read afterwards. A process
// that reads meanwhile sees the old or the new one. Of two changes at once, one
// may be lost.
func change(path string, apply func(*document) error) error {
	content, err := read(path)
	if err != nil {
		return err
	}
	if err := apply(&content); err != nil {
		return err
	}
	text, err := content.text()
	if err == nil {
		err = atomicfile.Replace(path, text, ownersMode)
	}
	if err != nil {
		return fmt.Errorf("writing the keyring: %w", err)
	}
	return nil
}

// read returns a file's content that makes a keyring.
func read(path string) (document, error) {
	var content document
	info, err := os.Stat(path)
	if err != nil {
		return content, fmt.Errorf("reading the keyring: %w", err)
	}
	if err := checkMode(info.Mode()); err != nil {
		return content, fmt.Errorf("reading the keyring: %s %w", path, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return content, fmt.Errorf("reading the keyring: %w", err)
	}
	if err := strictjson.Unmarshal(text, &content); err != nil {
		// The decoder's error may quote the file, which is a secret.
		return content, fmt.Errorf("reading the keyring: %s is not of the form {\"current\": ID, \"keys\": {ID: 32 bytes in base64}}", path)
	}
	if _, err := New(content.Current, content.Keys); err != nil {
		return content, fmt.Errorf("reading the keyring %s: %w", path, err)
	}
	return content, nil
}

// ownersMode lets nobody but the owner read a keyring that is written here.
const ownersMode fs.FileMode = 0o600

// unsafeMode are the permissions that a keyring must not give: anything to
// strangers, and writing to the group. A group may read, because that is how
// an orchestrator hands a secret to a process that is not root.
const unsafeMode fs.FileMode = 0o027

func checkMode(mode fs.FileMode) error {
	switch {
	case !mode.IsRegular():
		return errors.New("is no file")
	case runtime.GOOS == "windows": // which has no such permissions
		return nil
	case mode.Perm()&unsafeMode != 0:
		return fmt.Errorf("can be read or changed by others (mode %04o): chmod 600 it", mode.Perm())
	}
	return nil
}

func (d document) text() ([]byte, error) {
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}

func newKey() []byte {
	key := make([]byte, KeySize)
	// It never fails; see its documentation.
	_, _ = rand.Read(key)
	return key
}

// newID is the day and a random part, so that two keys of one day differ.
func newID(now time.Time) string {
	random := make([]byte, 2)
	_, _ = rand.Read(random)
	return now.UTC().Format(time.DateOnly) + "-" + hex.EncodeToString(random)
}
