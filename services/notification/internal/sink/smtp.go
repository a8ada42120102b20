package sink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"sync"

	"go.uber.org/zap"
)

// SMTP hands messages to a mail server (RFC 5321) as plain text, one mail a
// message. Who reads it, and why that is no address of a customer, is written
// at SMTPConfig.
//
// A message counts as delivered once the server has answered the end of its
// content. A server that took it but whose answer was lost gets it again, with
// the same Message-ID and every byte the same.
//
// What the server refuses for good (5xx to the recipient or the content) is a
// *RefusedError, unless its enhanced code blames the sender or the server: that
// can be put right. A 4xx concerns that message now and may pass. A connection
// that breaks does so for one message too: the next one gets a new connection.
// A server that cannot be reached, or that refuses sender or credentials,
// fails all messages that are left, but none for good: the cause is not in
// them.
type SMTP struct {
	config SMTPConfig
	host   string
	from   *netmail.Address
	tls    *tls.Config
	log    *zap.Logger

	mu sync.Mutex // one session at a time
	// loginRefused keeps a refused password from filling the log.
	loginRefused bool
}

// NewSMTP returns a sink; it does not connect yet. The errors are those of
// SMTPConfig.Validate.
func NewSMTP(config SMTPConfig, log *zap.Logger) (*SMTP, error) {
	config = config.withDefaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(config.Addr)
	if err != nil {
		return nil, fmt.Errorf("reading the mail server's address: %w", err)
	}
	from, err := parseASCIIAddress(config.From)
	if err != nil {
		return nil, fmt.Errorf("reading the sender: %w", err)
	}
	secured, err := config.tlsConfig(host)
	if err != nil {
		return nil, err
	}
	return &SMTP{config: config, host: host, from: from, tls: secured, log: log}, nil
}

// Deliver sends the messages over one connection, which it closes in the end,
// at once when ctx ends. Messages without a turn by then are ErrNotTried.
func (s *SMTP) Deliver(ctx context.Context, messages []Message) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	results := make([]error, len(messages))
	var server *connection
	defer func() {
		if server != nil {
			server.quit()
		}
	}()
	for i, message := range messages {
		content, err := newLetter(s.from, s.config.Recipient, message)
		if err != nil {
			results[i] = err
			continue
		}
		if server == nil {
			if server, err = s.open(ctx); err != nil {
				fill(results[i:], err)
				break
			}
		}
		if ctx.Err() != nil {
			fill(results[i:], ErrNotTried)
			break
		}
		err = server.send(ctx, content)
		var refusal *replyError
		switch {
		case err == nil:
			continue
		case !errors.As(err, &refusal):
			results[i] = err
			server.close()
			server = nil
		case refusal.ofEveryMessage():
			fill(results[i:], err)
			return results
		default:
			results[i] = verdict(refusal)
			if err := server.reset(ctx); err != nil {
				server.close()
				server = nil
			}
		}
	}
	return results
}

// verdict is what a refusal of one message means for it.
func verdict(refusal *replyError) error {
	if refusal.permanent() && !refusal.ofTheSystem() {
		return &RefusedError{Err: refusal}
	}
	return refusal
}

// open connects and authenticates. Cut off by ctx, it is ErrNotTried: no
// message was under way.
func (s *SMTP) open(ctx context.Context) (*connection, error) {
	server, err := s.connect(ctx)
	if err == nil && s.config.Username != "" {
		if err = server.login(ctx, s.host, s.config.Username, s.config.Password); err != nil {
			server.close()
		}
		s.watchLogin(err)
	}
	switch {
	case err == nil:
		return server, nil
	case ctx.Err() != nil:
		return nil, ErrNotTried
	default:
		return nil, err
	}
}

// watchLogin makes a refused password loud, once until it is accepted again:
// every message waits for somebody to correct the setting.
func (s *SMTP) watchLogin(err error) {
	var refusal *replyError
	switch {
	case err == nil:
		s.loginRefused = false
	case errors.As(err, &refusal) && refusal.permanent() && !s.loginRefused:
		s.loginRefused = true
		s.log.Error("the mail server refuses the username and password: messages wait until they are corrected",
			zap.String("addr", s.config.Addr), zap.Error(err))
	}
}
