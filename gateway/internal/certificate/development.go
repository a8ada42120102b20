package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"orderflow/internal/atomicfile"
)

// Files of the development certificate, in the folder that it is kept in.
const (
	// DevelopmentFile has the private key and the certificate, readable by its
	// owner only.
	DevelopmentFile = "tls-development.pem"
	// DevelopmentCAFile has the certificate alone, for clients to trust:
	// curl --cacert.
	DevelopmentCAFile = "tls-development-ca.pem"
)

const (
	developmentValidity = 365 * 24 * time.Hour
	// developmentRenewal is how long before its end it is replaced at a start.
	developmentRenewal = 30 * 24 * time.Hour
)

// Development returns a self-signed certificate for localhost, 127.0.0.1 and
// ::1, made at the first start and kept in dir; created says that it is new. It
// protects a developer's own machine from nothing, and is there so that clients
// can be tried over HTTPS. An error means that the folder cannot be used.
func Development(dir string, now time.Time) (source Source, created bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Source{}, false, fmt.Errorf("making the folder of the development certificate: %w", err)
	}
	file := filepath.Join(dir, DevelopmentFile)
	pair, err := tls.LoadX509KeyPair(file, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		created = true
	case err != nil:
		return Source{}, false, fmt.Errorf("reading the development certificate: %w", err)
	default:
		created = now.After(pair.Leaf.NotAfter.Add(-developmentRenewal))
	}
	if created {
		if err := writeDevelopment(file, now); err != nil {
			return Source{}, false, fmt.Errorf("writing the development certificate: %w", err)
		}
		// Another process may have written its own at the same time.
		if pair, err = tls.LoadX509KeyPair(file, file); err != nil {
			return Source{}, false, fmt.Errorf("reading the development certificate: %w", err)
		}
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Leaf.Raw})
	if err := atomicfile.Replace(filepath.Join(dir, DevelopmentCAFile), public, 0o644); err != nil {
		return Source{}, false, fmt.Errorf("writing the development certificate: %w", err)
	}
	return Files(file, file), created, nil
}

func writeDevelopment(file string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Orderflow development"},
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:             now.Add(-time.Hour), // clocks differ
		NotAfter:              now.Add(developmentValidity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	content = append(content, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})...)
	return atomicfile.Replace(file, content, 0o600)
}
