package main

import (
	"fmt"
	"slices"
	"strings"

	"orderflow/internal/token"
)

// Scopes that the commands ask for, as they stand in a token.
const (
	customerScope = token.OrdersRead + " " + token.OrdersWrite
	adminScope    = customerScope + " " + token.Admin
)

// adminSubject is who acts when a command needs more than a customer may do.
const adminSubject = "starter"

type tokenCommand struct {
	Subject string `required:"" placeholder:"ID" help:"Who the token is for: a customer's ID, or any name for an operator."`
	Scope   string `required:"" help:"What it allows, separated by spaces: orders:read orders:write admin ops."`
}

// Run prints the token.
func (c *tokenCommand) Run(s *session) error {
	if strings.TrimSpace(c.Subject) == "" {
		return usage("setting --subject: it is empty")
	}
	words := strings.Fields(c.Scope)
	if len(words) == 0 {
		return usage("setting --scope: it is empty; known are %s", strings.Join(token.Scopes(), ", "))
	}
	for _, word := range words {
		if !slices.Contains(token.Scopes(), word) {
			return usage("setting --scope: %q is none of %s", word, strings.Join(token.Scopes(), ", "))
		}
	}
	signed, err := s.issue(c.Subject, c.Scope)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stderr, "token for %s (%s), valid for %d hours:\n", c.Subject, strings.Join(words, " "), int(tokenLifetime.Hours()))
	_, err = fmt.Fprintln(s.stdout, signed)
	return err
}
