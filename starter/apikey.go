package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"orderflow/internal/apikey"
	"orderflow/internal/token"
)

// apiKeyCommand makes API keys for machines, lists and revokes them, in the
// file that the gateway follows. A secret is printed once, when it is made.
type apiKeyCommand struct {
	Subject string `xor:"action" placeholder:"ID" help:"Make a key for this customer or machine; it is the last line of the output."`
	Scope   string `help:"What the key allows, separated by spaces: orders:read orders:write admin ops."`
	Expires string `default:"90d" placeholder:"TIME" help:"When the key ends: after 90d or 12h, on a day such as 2027-01-31, or never."`
	Revoke  string `xor:"action" placeholder:"KEY-ID" help:"Take a key back. Gateways follow within about a second."`
	APIKeys string `name:"api-keys" placeholder:"FILE" help:"The file with the keys, the same as the gateway's; by default api-keys.json beside the development keys."`
}

// Run makes or revokes a key, or lists them all.
func (c *apiKeyCommand) Run(ctx context.Context, s *session) error {
	path := cmp.Or(c.APIKeys, filepath.Join(s.settings.keys(), apikey.File))
	switch {
	case c.Subject != "":
		return c.create(ctx, s, path, time.Now())
	case c.Revoke != "":
		return c.revoke(ctx, s, path)
	default:
		return list(s, path, time.Now())
	}
}

func (c *apiKeyCommand) create(ctx context.Context, s *session, path string, now time.Time) error {
	if err := token.CheckSubject(c.Subject); err != nil {
		return usage("setting --subject: %v", err)
	}
	scopes, err := token.ParseScope(c.Scope)
	switch {
	case err != nil:
		return usage("setting --scope: %v", err)
	case len(scopes) == 0:
		return usage("setting --scope: it is empty; known are %s", strings.Join(token.Scopes(), ", "))
	}
	expires, err := expiry(c.Expires, now)
	if err != nil {
		return usage("setting --expires: %v", err)
	}
	text, key, err := apikey.Create(ctx, path, c.Subject, scopes, expires, now)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stderr, "made the key %s for %s (%s), which ends %s. Keep it well: it is shown only now.\n",
		key.ID, key.Subject, strings.Join(scopes, " "), end(key))
	_, err = fmt.Fprintln(s.stdout, text)
	return err
}

func (c *apiKeyCommand) revoke(ctx context.Context, s *session, path string) error {
	id := c.Revoke
	// Whoever has the whole key at hand may paste it.
	if rest, whole := strings.CutPrefix(id, apikey.Prefix); whole {
		id, _, _ = strings.Cut(rest, "_")
	}
	switch err := apikey.Revoke(ctx, path, id); {
	case errors.Is(err, apikey.ErrNoSuchKey):
		return usage("there is no key with this ID in %s", path)
	case err != nil:
		return err
	}
	_, err := fmt.Fprintf(s.stderr, "revoked the key %s\n", id)
	return err
}

func list(s *session, path string, now time.Time) error {
	keys, err := apikey.List(path)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		fmt.Fprintf(s.stderr, "there is no key in %s\n", path)
		return nil
	}
	table := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(table, "ID\tSUBJECT\tSCOPE\tMADE\tENDS"); err != nil {
		return err
	}
	for _, key := range keys {
		ends := end(key)
		if key.ExpiredAt(now) {
			ends += " (ended)"
		}
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", key.ID, key.Subject, strings.Join(key.Scopes, " "), key.Created.Format(time.DateOnly), ends); err != nil {
			return err
		}
	}
	return table.Flush()
}

// end says when a key ends.
func end(key apikey.Key) string {
	if key.Expires == nil {
		return "never"
	}
	return key.Expires.Format(time.RFC3339)
}

const (
	never = "never"
	day   = 24 * time.Hour
	// maxDays keeps a typing error from becoming a key for ever.
	maxDays = 3650
)

// expiry reads when a key ends; the zero time is never.
func expiry(text string, now time.Time) (time.Time, error) {
	if text == never {
		return time.Time{}, nil
	}
	end, err := parseEnd(text, now)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("%q is none of 90d, 12h, 2027-01-31, %s", text, never)
	case !end.After(now):
		return time.Time{}, fmt.Errorf("%s is over already", text)
	case end.Sub(now) > maxDays*day:
		return time.Time{}, fmt.Errorf("%s is more than ten years away; say %s if you mean it", text, never)
	}
	return end, nil
}

func parseEnd(text string, now time.Time) (time.Time, error) {
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		return now.Add(time.Duration(n) * day), err
	}
	if after, err := time.ParseDuration(text); err == nil {
		return now.Add(after), nil
	}
	return time.Parse(time.DateOnly, text)
}
