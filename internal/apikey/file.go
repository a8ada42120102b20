package apikey

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"orderflow/internal/atomicfile"
	"orderflow/internal/filelock"
	"orderflow/internal/strictjson"
	"orderflow/internal/token"
)

// File is the usual name of the file with the keys.
const File = "api-keys.json"

// ErrNoSuchKey says that no key has the ID.
var ErrNoSuchKey = errors.New("there is no such key")

// Key is what is kept of a key.
type Key struct {
	ID string `json:"id"`
	// Hash is the SHA-256 of the secret.
	Hash    []byte   `json:"hash"`
	Subject string   `json:"subject"`
	Scopes  []string `json:"scopes"`
	// Created and Expires are in UTC. A key without Expires does not end.
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
}

// ExpiredAt reports whether the key has ended by then.
func (k Key) ExpiredAt(now time.Time) bool { return k.Expires != nil && !now.Before(*k.Expires) }

func (k Key) check() error {
	switch {
	case !validID(k.ID):
		return errors.New("a key has an ID that is none")
	case len(k.Hash) != sha256.Size:
		return fmt.Errorf("the hash of the key %s is no SHA-256", k.ID)
	}
	if err := token.CheckSubject(k.Subject); err != nil {
		return fmt.Errorf("the key %s: %w", k.ID, err)
	}
	return nil
}

// document is the file's content.
type document struct {
	Keys []Key `json:"keys"`
}

// Create adds a key to the file at path, which is made if there is none, and
// returns the key's text: it cannot be had again. Subject and scopes are what
// the key stands for; the zero time is a key that does not end.
func Create(ctx context.Context, path, subject string, scopes []string, expires, now time.Time) (text string, key Key, err error) {
	if err := token.CheckSubject(subject); err != nil {
		return "", Key{}, fmt.Errorf("making an API key: %w", err)
	}
	c := newCredential()
	hash := c.hash()
	key = Key{ID: c.id, Hash: hash[:], Subject: subject, Scopes: slices.Clone(scopes), Created: now.UTC().Truncate(time.Second)}
	if !expires.IsZero() {
		if !expires.After(now) {
			return "", Key{}, fmt.Errorf("making an API key: it would have ended at %s", expires.Format(time.RFC3339))
		}
		end := expires.UTC().Truncate(time.Second)
		key.Expires = &end
	}
	err = change(ctx, path, func(d *document) error {
		d.Keys = append(d.Keys, key)
		return nil
	})
	return c.text(), key, err
}

// List returns the keys in the file, as they were made; none when there is no
// file.
func List(path string) ([]Key, error) {
	d, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return d.Keys, err
}

// Revoke takes a key out of the file. The error is ErrNoSuchKey when it is not
// in it.
func Revoke(ctx context.Context, path, id string) error {
	return change(ctx, path, func(d *document) error {
		left := slices.DeleteFunc(slices.Clone(d.Keys), func(k Key) bool { return k.ID == id })
		if len(left) == len(d.Keys) {
			return ErrNoSuchKey
		}
		d.Keys = left
		return nil
	})
}

// change rewrites the file, one process at a time. Who reads meanwhile sees the
// old content or the new one.
func change(ctx context.Context, path string, apply func(*document) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder of the API keys: %w", err)
	}
	lock, err := filelock.Acquire(ctx, path+".lock", nil)
	if err != nil {
		return fmt.Errorf("changing the API keys: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Release()) }()

	d, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := apply(&d); err != nil {
		return err
	}
	content, err := json.MarshalIndent(d, "", "  ")
	if err == nil {
		err = replace(path, append(content, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing the API keys: %w", err)
	}
	return nil
}

// replace writes the file anew. Who may read it stays as it was, as far as this
// process may say so; a new file is its owner's only.
func replace(path string, content []byte) error {
	before, err := os.Stat(path)
	if err != nil {
		return atomicfile.Replace(path, content, 0o600)
	}
	if err := atomicfile.Replace(path, content, before.Mode().Perm()); err != nil {
		return err
	}
	return keepOwner(path, before)
}

func read(path string) (document, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return document{}, fmt.Errorf("reading the API keys: %w", err)
	}
	var d document
	if err := strictjson.Unmarshal(content, &d); err != nil {
		return document{}, fmt.Errorf(`reading the API keys: %s is not of the form {"keys": [{"id", "hash", "subject", "scopes", "created", "expires"}]}`, path)
	}
	for _, key := range d.Keys {
		if err := key.check(); err != nil {
			return document{}, fmt.Errorf("reading the API keys: %s: %w", path, err)
		}
	}
	return d, nil
}
