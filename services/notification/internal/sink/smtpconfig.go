package sink

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"strings"
	"time"

	"orderflow/internal/config"
)

// SMTPConfig says which mail server takes the messages, and how they are
// addressed. Embed it with the prefix "smtp-". Without Addr there is no mail.
//
// Orderflow knows no mail addresses: a message names its customer by ID, and
// stays free of personal data. So the recipient is an address made from that
// ID, such as cust-ada@customers.shop.example, and the server behind Addr must
// be one that knows the customers and replaces it by the real address, such as
// a relay with a virtual alias table.
type SMTPConfig struct {
	Addr      string        `type:"address" placeholder:"HOST:PORT" help:"Mail server that takes the messages, instead of a file."`
	From      string        `placeholder:"ADDRESS" help:"Sender, such as \"Shop <orders@shop.example>\"."`
	Recipient string        `placeholder:"ADDRESS" help:"Recipient, such as {customerId}@customers.shop.example; a mail gateway that knows the customers forwards it."`
	Username  string        `help:"User at the mail server, if it wants one; needs TLS."`
	Password  string        `help:"The user's password; better given by the environment, where no list of processes shows it."`
	TLS       string        `name:"tls" default:"starttls" enum:"none,starttls,tls" help:"How to reach the mail server: none, starttls (must be offered) or tls from the first byte."`
	CA        string        `name:"ca" placeholder:"FILE" help:"Authorities (PEM) to trust beside those of this machine."`
	Timeout   time.Duration `default:"10s" min:"100ms" max:"15s" help:"How long to wait for a connection, for the greeting, and for each message to be taken."`
}

// The ways to reach a mail server.
const (
	tlsNone     = "none"
	tlsStart    = "starttls"
	tlsImplicit = "tls"
)

// customerPlaceholder is where a customer's ID goes in SMTPConfig.Recipient.
const customerPlaceholder = "{customerId}"

const defaultSMTPTimeout = 10 * time.Second

// Enabled reports whether messages go to a mail server.
func (c SMTPConfig) Enabled() bool { return c.Addr != "" }

// Validate refuses settings that do not fit together; the errors are those of
// config.Wrong.
func (c SMTPConfig) Validate() error {
	if !c.Enabled() {
		if cmp.Or(c.From, c.Recipient, c.Username, c.Password, c.CA) != "" {
			return config.Wrong("smtp-addr", "is required when other settings of mail are given")
		}
		return nil
	}
	if _, err := parseASCIIAddress(c.From); err != nil {
		return config.Wrong("smtp-from", "%v", err)
	}
	if err := checkRecipient(c.Recipient); err != nil {
		return config.Wrong("smtp-recipient", "%v", err)
	}
	if c.Username == "" && c.Password != "" {
		return config.Wrong("smtp-username", "is required with a password")
	}
	if c.Username != "" && c.Password == "" {
		return config.Wrong("smtp-password", "is required with a username")
	}
	if c.Username != "" && c.TLS == tlsNone {
		return config.Wrong("smtp-tls", "none would send the password in the clear")
	}
	if _, err := c.authorities(); err != nil {
		return config.Wrong("smtp-ca", "%v", err)
	}
	return nil
}

// withDefaults completes a SMTPConfig that did not come from internal/config.
func (c SMTPConfig) withDefaults() SMTPConfig {
	c.TLS = cmp.Or(c.TLS, tlsStart)
	c.Timeout = cmp.Or(c.Timeout, defaultSMTPTimeout)
	return c
}

// tlsConfig is for connections to the host.
func (c SMTPConfig) tlsConfig(host string) (*tls.Config, error) {
	authorities, err := c.authorities()
	if err != nil {
		return nil, err
	}
	return &tls.Config{ServerName: host, RootCAs: authorities, MinVersion: tls.VersionTLS12}, nil
}

// authorities is nil where the machine's own ones are enough.
func (c SMTPConfig) authorities() (*x509.CertPool, error) {
	if c.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // a machine without any
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", c.CA)
	}
	return pool, nil
}

// checkRecipient demands one bare address with the customer's ID in the part
// before the @.
func checkRecipient(template string) error {
	local, _, _ := strings.Cut(template, "@")
	if strings.Count(template, customerPlaceholder) != 1 || !strings.Contains(local, customerPlaceholder) {
		return fmt.Errorf("%q does not hold %s once, before the @", template, customerPlaceholder)
	}
	example := strings.Replace(template, customerPlaceholder, "cust-1", 1)
	address, err := parseASCIIAddress(example)
	if err != nil || address.Address != example {
		return fmt.Errorf("%q is no bare mail address", template)
	}
	return nil
}

// parseASCIIAddress parses an address that every mail server can carry: RFC
// 6531, which would allow more, is not everywhere.
func parseASCIIAddress(text string) (*mail.Address, error) {
	if text == "" {
		return nil, errors.New("is required with a mail server")
	}
	address, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%q is no mail address", text)
	}
	for _, r := range address.Address {
		if r < ' ' || r > '~' {
			return nil, fmt.Errorf("%q has an address with other characters than ASCII", text)
		}
	}
	return address, nil
}
