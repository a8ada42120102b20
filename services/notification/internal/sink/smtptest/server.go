// Package smtptest is a real mail server in the memory of a test, whose answers
// the test decides. It keeps what it was sent, whether it took it or not.
//
// It is for tests only; nothing of the product imports it.
package smtptest

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// Mail is one message whose content was sent to the end.
type Mail struct {
	From, To string
	Content  string
	// Encrypted says that it came over TLS.
	Encrypted bool
	// Username is who sent it, empty without authentication.
	Username string
}

// Server is a running mail server.
type Server struct {
	// Addr is where it listens, "127.0.0.1:PORT".
	Addr string

	username, password string

	mu       sync.Mutex
	answer   Answer
	mails    []Mail
	sessions int
	open     int
}

// Answer decides what the server does. A nil function, and a nil error, is
// acceptance; an error is made by Reply.
type Answer struct {
	Mail func(from string) error
	Rcpt func(to string) error
	// Data is asked when the content has come. It may close the connection.
	Data func(mail Mail, connection net.Conn) error
}

// Reply is a refusal: a code such as 550, and an enhanced code such as 5, 1, 1;
// -1, -1, -1 is none.
func Reply(code int, status [3]int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: status, Message: text}
}

// Option changes how the server runs.
type Option func(*settings)

type settings struct {
	addr               string
	certificate        *tls.Certificate
	implicit           bool
	username, password string
}

// At makes it listen there, instead of at any free port.
func At(addr string) Option { return func(s *settings) { s.addr = addr } }

// WithSTARTTLS offers encryption.
func WithSTARTTLS(certificate tls.Certificate) Option {
	return func(s *settings) { s.certificate = &certificate }
}

// WithTLS encrypts from the first byte.
func WithTLS(certificate tls.Certificate) Option {
	return func(s *settings) { s.certificate, s.implicit = &certificate, true }
}

// WithLogin demands a username and a password before each mail.
func WithLogin(username, password string) Option {
	return func(s *settings) { s.username, s.password = username, password }
}

// Start runs a server until the test ends.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	chosen := settings{addr: "127.0.0.1:0"}
	for _, option := range options {
		option(&chosen)
	}
	listener, err := net.Listen("tcp", chosen.addr)
	require.NoError(t, err)
	s := &Server{Addr: listener.Addr().String(), username: chosen.username, password: chosen.password}
	server := smtp.NewServer(smtp.BackendFunc(s.newSession))
	server.Domain = "mail.example"
	server.ErrorLog = log.New(io.Discard, "", 0)
	if chosen.certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*chosen.certificate}, MinVersion: tls.VersionTLS12}
	}
	if chosen.implicit {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.NoError(t, <-done)
	})
	return s
}

// Answer changes what the server does from now on.
func (s *Server) Answer(answer Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Mails returns what came so far, in its order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Sessions returns how many greetings there were.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// Open returns how many sessions have not ended.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *Server) current() Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answer
}

func (s *Server) newSession(connection *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	s.open++
	plain := &session{server: s, connection: connection}
	if s.username == "" {
		return plain, nil
	}
	return &loginSession{plain}, nil
}

// session is the server's side of one connection.
type session struct {
	server     *Server
	connection *smtp.Conn
	mail       Mail
}

func (s *session) Reset() { s.mail = Mail{Username: s.mail.Username} }

func (s *session) Logout() error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.open--
	return nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.username != "" && s.mail.Username == "" {
		return Reply(530, [3]int{5, 7, 0}, "authentication required")
	}
	if s.mail.From != "" {
		// The library lets it pass; other servers do not (RFC 5321, 4.1.4).
		return Reply(503, [3]int{5, 5, 1}, "nested MAIL command")
	}
	if answer := s.server.current().Mail; answer != nil {
		if err := answer(from); err != nil {
			return err
		}
	}
	s.mail.From = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.To = to
	if answer := s.server.current().Rcpt; answer != nil {
		return answer(to)
	}
	return nil
}

func (s *session) Data(content io.Reader) error {
	text, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	s.mail.Content = string(text)
	_, s.mail.Encrypted = s.connection.TLSConnectionState()
	s.server.mu.Lock()
	s.server.mails = append(s.server.mails, s.mail)
	answer := s.server.answer.Data
	s.server.mu.Unlock()
	if answer != nil {
		return answer(s.mail, s.connection.Conn())
	}
	return nil
}

// loginSession is a session that offers authentication.
type loginSession struct{ *session }

var _ smtp.AuthSession = (*loginSession)(nil)

func (*loginSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *loginSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != s.server.username || password != s.server.password {
			return smtp.ErrAuthFailed
		}
		s.mail.Username = username
		return nil
	}), nil
}
