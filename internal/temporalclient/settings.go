package temporalclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"

	"orderflow/internal/config"
	"orderflow/internal/payloadcodec"
)

// Configured is what the settings of a process say. It reads the certificates;
// an error names the setting that is wrong.
func Configured(settings config.Temporal, codec payloadcodec.Codec) (Config, error) {
	cfg := Config{
		Addr: settings.Addr, Namespace: settings.Namespace, DialTimeout: settings.DialTimeout,
		APIKey: settings.APIKey, Codec: codec,
	}
	if !settings.TLS {
		return cfg, nil
	}
	cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: settings.ServerName}
	if settings.CA != "" {
		roots, err := readAuthorities(settings.CA)
		if err != nil {
			return Config{}, config.Wrong("temporal-ca", "%v", err)
		}
		cfg.TLS.RootCAs = roots
	}
	if settings.Cert != "" {
		if _, err := tls.LoadX509KeyPair(settings.Cert, settings.Key); err != nil {
			return Config{}, config.Wrong("temporal-cert", "%v", err)
		}
		// Read again for each connection, so that a new one needs no restart.
		cfg.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(settings.Cert, settings.Key)
			return &pair, err
		}
	}
	return cfg, nil
}

var errNoAuthorities = errors.New("the file has no certificate in PEM")

func readAuthorities(file string) (*x509.CertPool, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, errNoAuthorities
	}
	return roots, nil
}
