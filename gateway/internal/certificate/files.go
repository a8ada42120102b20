package certificate

import (
	"crypto/tls"
	"fmt"
	"time"
)

// Source is where the server's certificate comes from: Files, ACME or
// Development makes one.
type Source struct {
	// files are read by apply, and watched.
	files []string
	// apply puts the certificate into a configuration. An error leaves nothing
	// in it that is used.
	apply func(*tls.Config) error
}

// Files are a certificate chain and its private key, in PEM; they may be one
// file.
func Files(certificate, key string) Source {
	return Source{
		files: []string{certificate, key},
		apply: func(config *tls.Config) error {
			pair, err := tls.LoadX509KeyPair(certificate, key)
			if err != nil {
				return fmt.Errorf("certificate and key cannot be used: %w", err)
			}
			if pair.Leaf != nil && time.Now().After(pair.Leaf.NotAfter) {
				return fmt.Errorf("certificate and key cannot be used: the certificate in %s has expired", certificate)
			}
			config.Certificates = []tls.Certificate{pair}
			return nil
		},
	}
}
