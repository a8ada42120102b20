package sink

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// quitTimeout bounds the goodbye; nothing depends on its answer.
const quitTimeout = time.Second

// connection is one session with a mail server, ready for messages. The end of
// the context that it was made with cuts it off.
type connection struct {
	conn    net.Conn
	client  *smtp.Client
	timeout time.Duration
	release func() bool // forgets the context
}

// connect reaches the mail server, greets it and secures the connection. The
// caller closes the result.
func (s *SMTP) connect(ctx context.Context) (*connection, error) {
	c := &connection{timeout: s.config.Timeout, release: func() bool { return true }}
	policy := mail.NoTLS
	if s.config.TLS == tlsStart {
		policy = mail.TLSMandatory
	}
	dialer, err := mail.NewClient(s.host,
		mail.WithTimeout(s.config.Timeout), mail.WithTLSPolicy(policy), mail.WithTLSConfig(s.tls), mail.WithoutSMTPUTF8(),
		// A dialer of our own, since the library does not close a connection
		// whose greeting fails, and knows no context after the dialing.
		mail.WithDialContextFunc(func(dialing context.Context, network, _ string) (_ net.Conn, err error) {
			if c.conn, err = s.dial(dialing, network); err != nil {
				return nil, err
			}
			c.release = context.AfterFunc(ctx, func() { _ = c.conn.Close() })
			return c.conn, nil
		}))
	if err != nil {
		return nil, explain(ctx, stepConnect, err)
	}
	if c.client, err = dialer.DialToSMTPClientWithContext(ctx); err != nil {
		c.close()
		return nil, explain(ctx, stepConnect, err)
	}
	return c, nil
}

func (s *SMTP) dial(ctx context.Context, network string) (net.Conn, error) {
	if s.config.TLS == tlsImplicit {
		return (&tls.Dialer{Config: s.tls}).DialContext(ctx, network, s.config.Addr)
	}
	return (&net.Dialer{}).DialContext(ctx, network, s.config.Addr)
}

// errNoLogin reports a server that knows none of the ways to authenticate that
// this sink knows.
var errNoLogin = errors.New("it offers neither AUTH PLAIN nor AUTH LOGIN")

// login authenticates. It needs TLS, which SMTPConfig.Validate demands.
func (c *connection) login(ctx context.Context, host, username, password string) error {
	_, offered := c.client.Extension("AUTH")
	mechanisms := strings.Fields(offered)
	var auth smtp.Auth
	switch {
	case slices.Contains(mechanisms, "PLAIN"):
		auth = smtp.PlainAuth("", username, password, host, false)
	case slices.Contains(mechanisms, "LOGIN"):
		auth = smtp.LoginAuth(username, password, host, false)
	default:
		return explain(ctx, stepLogin, errNoLogin)
	}
	if err := c.client.Auth(auth); err != nil {
		return explain(ctx, stepLogin, err)
	}
	return nil
}

// send hands over one letter. After a *replyError the connection can go on
// after reset; after any other error it cannot, and the letter may have been
// taken.
func (c *connection) send(ctx context.Context, l letter) error {
	if err := c.client.UpdateDeadline(c.timeout); err != nil {
		return explain(ctx, stepSender, err)
	}
	if err := c.client.Mail(l.from); err != nil {
		return explain(ctx, stepSender, err)
	}
	if err := c.client.Rcpt(l.to); err != nil {
		return explain(ctx, stepAddress, err)
	}
	content, err := c.client.Data()
	if err != nil {
		return explain(ctx, stepContent, err)
	}
	if _, err := content.Write(l.content); err != nil {
		// Not closed: that would end a torn letter as if it were whole.
		return explain(ctx, stepContent, err)
	}
	if err := content.Close(); err != nil {
		return explain(ctx, stepContent, err)
	}
	return nil
}

// reset forgets a letter that was refused halfway.
func (c *connection) reset(ctx context.Context) error {
	if err := c.client.Reset(); err != nil {
		return explain(ctx, stepReset, err)
	}
	return nil
}

// quit says goodbye and closes.
func (c *connection) quit() {
	if err := c.client.UpdateDeadline(quitTimeout); err == nil {
		_ = c.client.Quit()
	}
	c.close()
}

// close ends the connection at once.
func (c *connection) close() {
	c.release()
	if c.conn != nil {
		_ = c.conn.Close() // it may be closed already
	}
}
