package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"orderflow/internal/jose"
	"orderflow/internal/servicetoken"
)

// serviceKeyFiles are the two halves of the key that calls between our own
// processes are signed with.
type serviceKeyFiles struct {
	ServiceSigningKey string `placeholder:"FILE" help:"The private key: what gateway and workers are given by the same setting. By default in the folder service-keys of the data."`
}

func (f serviceKeyFiles) signingKey(s *session) string {
	return cmp.Or(f.ServiceSigningKey, filepath.Join(s.settings.serviceKeys(), servicetoken.SigningKeyFile))
}

// serviceKeyCommand makes the keys of calls between our own processes, unless
// they are there, and replaces them. It prints IDs only.
type serviceKeyCommand struct {
	serviceKeyFiles `embed:""`

	ServiceJWKS string `name:"service-jwks" placeholder:"FILE" help:"The public keys: what the services are given by the same setting. By default beside the private key."`
	Replace     bool   `xor:"change" help:"Make a new private key. The services follow by themselves; then restart gateway and workers."`
	Remove      string `xor:"change" placeholder:"ID" help:"Take a public key out: calls that are signed with it are refused."`
}

// Run makes or changes the files and lists the keys.
func (c *serviceKeyCommand) Run(s *session) error {
	signingKey := c.signingKey(s)
	set := cmp.Or(c.ServiceJWKS, filepath.Join(filepath.Dir(signingKey), servicetoken.KeySetFile))
	key, did, err := c.change(signingKey, set)
	switch {
	case errors.Is(err, jose.ErrNoSuchKey), errors.Is(err, jose.ErrCurrentKey):
		return usage("setting --remove: %v", err)
	case err != nil:
		return err
	}
	fmt.Fprintln(s.stderr, did)
	ids, err := jose.PublicKeyIDs(set)
	if err != nil {
		return err
	}
	for _, id := range ids {
		role := "verifies"
		if id == key.ID() {
			role = "signs and verifies"
		}
		if _, err := fmt.Fprintf(s.stdout, "%s  %s\n", id, role); err != nil {
			return err
		}
	}
	return nil
}

// change does what was asked for and says so.
func (c *serviceKeyCommand) change(signingKey, set string) (key *jose.SigningKey, did string, err error) {
	switch {
	case c.Replace:
		key, err = jose.ReplaceSigningKey(signingKey, set)
		return key, "calls are signed with a new key once gateway and workers are restarted", err
	case c.Remove != "":
		if key, err = jose.ReadSigningKey(signingKey); err == nil {
			err = jose.RemovePublicKey(set, c.Remove, key)
		}
		return key, "calls that are signed with " + c.Remove + " are refused from now on", err
	}
	key, created, err := jose.OpenSigningKey(signingKey, set)
	if created {
		return key, "made the keys " + signingKey + " and " + set, err
	}
	return key, "the keys are there already: " + signingKey + " and " + set, err
}

// serviceTokenCommand makes a token with which an operator calls one service
// directly, past the gateway.
type serviceTokenCommand struct {
	serviceKeyFiles `embed:""`

	To string `required:"" placeholder:"SERVICE" help:"The service that is to be called, such as payment."`
}

// Run prints the token.
func (c *serviceTokenCommand) Run(ctx context.Context, s *session) error {
	key, err := jose.ReadSigningKey(c.signingKey(s))
	if err != nil {
		return err
	}
	signed, err := servicetoken.NewSigner(key, "starter", nil).Token(ctx, c.To)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stderr, "token for calls to %s, valid for a minute:\n", c.To)
	_, err = fmt.Fprintln(s.stdout, signed)
	return err
}
