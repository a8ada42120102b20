package main

import (
	"errors"
	"fmt"
	"time"

	"orderflow/internal/payloadcodec/keyring"
)

// payloadKeyCommand makes the keyring that gateway and workers read, and
// replaces its key step by step; see the package keyring. It prints IDs only.
type payloadKeyCommand struct {
	PayloadKeys string `required:"" type:"path" placeholder:"FILE" help:"The keyring: what gateway and workers are given by the same setting."`
	Add         bool   `xor:"change" help:"Add a key, which decrypts only. Then restart gateway and workers."`
	Use         string `xor:"change" placeholder:"ID" help:"Encrypt with this key from now on. Every gateway and worker must have it already; restart them."`
	Remove      string `xor:"change" placeholder:"ID" help:"Take a key out: what it encrypted cannot be read any more."`
}

// Run makes or changes the file and lists its keys.
func (c *payloadKeyCommand) Run(s *session) error {
	switch did, err := c.change(time.Now()); {
	case errors.Is(err, keyring.ErrNoSuchKey), errors.Is(err, keyring.ErrCurrent):
		return usage("changing the keyring: %v", err)
	case err != nil:
		return err
	default:
		fmt.Fprintln(s.stderr, did)
	}
	ring, err := keyring.Open(c.PayloadKeys)
	if err != nil {
		return err
	}
	current, _ := ring.Current()
	for _, id := range ring.IDs() {
		role := "decrypts"
		if id == current {
			role = "encrypts and decrypts"
		}
		if _, err := fmt.Fprintf(s.stdout, "%s  %s\n", id, role); err != nil {
			return err
		}
	}
	return nil
}

// change does what was asked for and says so.
func (c *payloadKeyCommand) change(now time.Time) (did string, err error) {
	switch {
	case c.Add:
		id, err := keyring.Add(c.PayloadKeys, now)
		return "added the key " + id, err
	case c.Use != "":
		return "payloads are encrypted with " + c.Use + " from now on", keyring.Use(c.PayloadKeys, c.Use)
	case c.Remove != "":
		return "removed the key " + c.Remove, keyring.Remove(c.PayloadKeys, c.Remove)
	}
	created, err := keyring.Create(c.PayloadKeys, now)
	if created {
		return "made the keyring " + c.PayloadKeys, err
	}
	return "the keyring is there already: " + c.PayloadKeys, err
}
