package token

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The scopes of the public API.
const (
	// OrdersRead allows to read one's own orders.
	OrdersRead = "orders:read"
	// OrdersWrite allows to place and cancel one's own orders.
	OrdersWrite = "orders:write"
	// Admin allows to write products, customers and stock, and to act for
	// every customer.
	Admin = "admin"
	// Ops allows to read everything and to operate the system.
	Ops = "ops"
)

// Scopes lists every scope.
func Scopes() []string { return []string{OrdersRead, OrdersWrite, Admin, Ops} }

// Principal is who a verified credential speaks for.
type Principal struct {
	// Subject is the customer's ID, or the name of a machine or operator.
	Subject string
	// Scopes is what the credential allows. It may hold unknown scopes.
	Scopes []string
}

// Has reports whether the principal has at least one of the scopes.
func (p Principal) Has(scopes ...string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool {
		return slices.Contains(p.Scopes, scope)
	})
}

// maxSubject bounds the subject, in bytes. A customer's ID is shorter.
const maxSubject = 200

// CheckSubject refuses a subject that could not be logged or shown on one line.
func CheckSubject(subject string) error {
	if strings.TrimSpace(subject) == "" || len(subject) > maxSubject ||
		!utf8.ValidString(subject) || strings.ContainsFunc(subject, unicode.IsControl) {
		return fmt.Errorf("the subject must have 1 to %d bytes and no control character", maxSubject)
	}
	return nil
}

// ParseScope splits a space-separated list (RFC 6749, section 3.3) and refuses
// unknown words, so that a typing error shows when a token is made and not
// when it is used.
func ParseScope(text string) ([]string, error) {
	words := strings.Fields(text)
	for _, word := range words {
		if !slices.Contains(Scopes(), word) {
			return nil, fmt.Errorf("scope %q is none of %s", word, strings.Join(Scopes(), ", "))
		}
	}
	return words, nil
}
