package sink_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/services/notification/internal/sink"
	"orderflow/services/notification/internal/sink/smtptest"
)

// good is enough for mail; each test says where the server is.
var good = sink.SMTPConfig{
	Addr: "mail.example:25", From: "Shop <orders@shop.example>", Recipient: "{customerId}@customers.shop.example",
	TLS: "starttls", Timeout: 10 * time.Second,
}

func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	return smtptest.Certificate(t)
}

// mailTo returns a sink for the server, without encryption unless changed.
func mailTo(t *testing.T, addr string, changes ...func(*sink.SMTPConfig)) (*sink.SMTP, *observer.ObservedLogs) {
	t.Helper()
	chosen := good
	chosen.Addr, chosen.TLS = addr, "none"
	for _, change := range changes {
		change(&chosen)
	}
	core, logs := observer.New(zap.DebugLevel)
	mail, err := sink.NewSMTP(chosen, zap.New(core))
	require.NoError(t, err)
	return mail, logs
}

func shipped(orderID string) sink.Message {
	return sink.Message{
		ID: orderID + "/NotifyCustomer/1", OrderID: orderID, CustomerID: "cust-ada", Template: "order-shipped",
		TrackingNumber: "SP1", QueuedAt: queuedAt,
	}
}

// requireClosed requires that no connection is left.
func requireClosed(t *testing.T, server *smtptest.Server) {
	t.Helper()
	require.Eventually(t, func() bool { return server.Open() == 0 }, 10*time.Second, time.Millisecond)
}

func TestMailOverTLS(t *testing.T) {
	own, authority := certificate(t)
	for mode, option := range map[string]smtptest.Option{"starttls": smtptest.WithSTARTTLS(own), "tls": smtptest.WithTLS(own)} {
		t.Run(mode, func(t *testing.T) {
			server := smtptest.Start(t, option, smtptest.WithLogin("shop", "secret"))
			mail, logs := mailTo(t, server.Addr, func(c *sink.SMTPConfig) {
				c.TLS, c.CA, c.Username, c.Password = mode, authority, "shop", "secret"
			})
			require.Equal(t, []error{nil}, mail.Deliver(t.Context(), []sink.Message{shipped("order-1")}))
			require.True(t, server.Mails()[0].Encrypted)
			require.Equal(t, "shop", server.Mails()[0].Username)
			require.Zero(t, logs.Len())
			requireClosed(t, server)

			stranger, _ := mailTo(t, server.Addr, func(c *sink.SMTPConfig) { c.TLS = mode })
			err := stranger.Deliver(t.Context(), []sink.Message{shipped("order-2")})[0]
			require.ErrorContains(t, err, "certificate signed by unknown authority")
			requireOpen(t, err)
			require.Len(t, server.Mails(), 1)
		})
	}
}

// requireOpen requires an error after which a message is tried again.
func requireOpen(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	var refused *sink.RefusedError
	require.False(t, errors.As(err, &refused), "%v", err)
	require.NotErrorIs(t, err, sink.ErrNotTried)
}

func TestWithoutTheEncryptionThatIsDemandedNothingIsSent(t *testing.T) {
	server := smtptest.Start(t)
	mail, _ := mailTo(t, server.Addr, func(c *sink.SMTPConfig) { c.TLS = "starttls" })
	err := mail.Deliver(t.Context(), []sink.Message{shipped("order-1")})[0]
	require.ErrorContains(t, err, "STARTTLS")
	requireOpen(t, err)
	require.Empty(t, server.Mails())
	requireClosed(t, server)
}

func TestARefusedPasswordIsLoudOnceAndNoMessageIsLost(t *testing.T) {
	own, authority := certificate(t)
	server := smtptest.Start(t, smtptest.WithSTARTTLS(own), smtptest.WithLogin("shop", "secret"))
	mail, logs := mailTo(t, server.Addr, func(c *sink.SMTPConfig) {
		c.TLS, c.CA, c.Username, c.Password = "starttls", authority, "shop", "wrong-password"
	})
	for range 3 {
		for _, err := range mail.Deliver(t.Context(), []sink.Message{shipped("order-1"), shipped("order-2")}) {
			requireOpen(t, err)
			require.EqualError(t, err, "authenticating at the mail server: the mail server answered 535 5.7.8")
		}
	}
	require.Equal(t, 3+3, server.Sessions(), "one connection a batch, each with a session before and after STARTTLS")
	require.Equal(t, 1, logs.Len())
	entry := logs.All()[0]
	require.Equal(t, zap.ErrorLevel, entry.Level)
	require.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), "wrong-password")
	requireClosed(t, server)
}

func TestRefusalsAreTakenAsTheyAreMeant(t *testing.T) {
	const quoting = "<cust-ada@customers.shop.example>: secret words"
	noStatus := [3]int{-1, -1, -1}
	mailbox := smtptest.Reply(550, [3]int{5, 1, 1}, quoting)
	greylisted := smtptest.Reply(450, [3]int{4, 7, 1}, quoting)
	leaving := smtptest.Reply(421, [3]int{4, 3, 2}, quoting)
	relaying := smtptest.Reply(530, [3]int{5, 7, 0}, quoting)
	spam := smtptest.Reply(554, [3]int{5, 7, 1}, quoting)
	full := smtptest.Reply(452, [3]int{4, 3, 1}, quoting)
	to := func(err error) smtptest.Answer { return smtptest.Answer{Rcpt: func(string) error { return err }} }
	from := func(err error) smtptest.Answer { return smtptest.Answer{Mail: func(string) error { return err }} }
	content := func(err error) smtptest.Answer {
		return smtptest.Answer{Data: func(smtptest.Mail, net.Conn) error { return err }}
	}
	for name, test := range map[string]struct {
		answer   smtptest.Answer
		reason   string
		final    bool
		oneByOne bool // the next message is tried too
	}{
		"unknown recipient": {to(mailbox), "refused for good: naming the recipient (RCPT): the mail server answered 550 5.1.1", true, true},
		"recipient later":   {to(greylisted), "naming the recipient (RCPT): the mail server answered 450 4.7.1", false, true},
		"relaying denied":   {to(spam), "naming the recipient (RCPT): the mail server answered 554 5.7.1", false, true},
		"account disabled":  {to(smtptest.Reply(525, [3]int{5, 7, 13}, quoting)), "refused for good: naming the recipient (RCPT): the mail server answered 525 5.7.13", true, true},
		"owner changed":     {to(smtptest.Reply(550, [3]int{5, 7, 17}, quoting)), "refused for good: naming the recipient (RCPT): the mail server answered 550 5.7.17", true, true},
		"domain changed":    {to(smtptest.Reply(556, [3]int{5, 7, 18}, quoting)), "refused for good: naming the recipient (RCPT): the mail server answered 556 5.7.18", true, true},
		"a closed list":     {to(smtptest.Reply(550, [3]int{5, 7, 2}, quoting)), "refused for good: naming the recipient (RCPT): the mail server answered 550 5.7.2", true, true},
		"refused without a status": {
			to(smtptest.Reply(554, noStatus, quoting)), "refused for good: naming the recipient (RCPT): the mail server answered 554", true, true,
		},
		"sender refused late":     {to(smtptest.Reply(553, [3]int{5, 1, 8}, quoting)), "naming the recipient (RCPT): the mail server answered 553 5.1.8", false, true},
		"no such name":            {to(smtptest.Reply(550, [3]int{5, 4, 1}, quoting)), "refused for good: naming the recipient (RCPT): the mail server answered 550 5.4.1", true, true},
		"mailbox full":            {to(smtptest.Reply(552, [3]int{5, 2, 2}, quoting)), "refused for good: naming the recipient (RCPT): the mail server answered 552 5.2.2", true, true},
		"system does not accept":  {content(smtptest.Reply(550, [3]int{5, 3, 2}, quoting)), "sending the content (DATA): the mail server answered 550 5.3.2", false, true},
		"content too large":       {content(smtptest.Reply(552, [3]int{5, 3, 4}, quoting)), "refused for good: sending the content (DATA): the mail server answered 552 5.3.4", true, true},
		"domain not proved":       {content(smtptest.Reply(550, [3]int{5, 7, 23}, quoting)), "sending the content (DATA): the mail server answered 550 5.7.23", false, true},
		"shutting down":           {to(leaving), "naming the recipient (RCPT): the mail server answered 421 4.3.2", false, false},
		"credentials wanted":      {to(relaying), "naming the recipient (RCPT): the mail server answered 530 5.7.0", false, false},
		"content refused":         {content(spam), "refused for good: sending the content (DATA): the mail server answered 554 5.7.1", true, true},
		"no space for content":    {content(full), "sending the content (DATA): the mail server answered 452 4.3.1", false, true},
		"sender refused for good": {from(mailbox), "naming the sender (MAIL): the mail server answered 550 5.1.1", false, false},
		"sender refused for now":  {from(full), "naming the sender (MAIL): the mail server answered 452 4.3.1", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := smtptest.Start(t)
			var asked atomic.Int32
			answer := test.answer
			server.Answer(smtptest.Answer{
				Mail: func(address string) error {
					asked.Add(1)
					if answer.Mail == nil {
						return nil
					}
					return answer.Mail(address)
				},
				Rcpt: answer.Rcpt, Data: answer.Data,
			})
			mail, logs := mailTo(t, server.Addr)
			results := mail.Deliver(t.Context(), []sink.Message{shipped("order-1"), shipped("order-2")})
			require.Len(t, results, 2)
			for _, err := range results {
				require.EqualError(t, err, test.reason, "and none of the server's words")
				var refused *sink.RefusedError
				require.Equal(t, test.final, errors.As(err, &refused))
			}
			require.Equal(t, map[bool]int32{true: 2, false: 1}[test.oneByOne], asked.Load())
			require.Equal(t, 1, server.Sessions())
			require.Zero(t, logs.Len())
			requireClosed(t, server)
		})
	}
}

func TestARefusalDoesNotDisturbTheNextMessage(t *testing.T) {
	server := smtptest.Start(t)
	server.Answer(smtptest.Answer{Rcpt: func(to string) error {
		if strings.HasPrefix(to, "cust-bob@") {
			return smtptest.Reply(550, [3]int{5, 1, 1}, "no such user")
		}
		return nil
	}})
	mail, _ := mailTo(t, server.Addr)
	bob := shipped("order-2")
	bob.CustomerID = "cust-bob"
	results := mail.Deliver(t.Context(), []sink.Message{shipped("order-1"), bob, shipped("order-3")})
	require.NoError(t, results[0])
	require.Error(t, results[1])
	require.NoError(t, results[2])
	require.Len(t, server.Mails(), 2)
	require.Equal(t, 1, server.Sessions())
}

func TestAConnectionThatBreaksCostsOneMessage(t *testing.T) {
	server := smtptest.Start(t)
	server.Answer(smtptest.Answer{Data: func(mail smtptest.Mail, connection net.Conn) error {
		if strings.Contains(mail.Content, "order-1") {
			return connection.Close()
		}
		return nil
	}})
	mail, _ := mailTo(t, server.Addr)
	results := mail.Deliver(t.Context(), []sink.Message{shipped("order-1"), shipped("order-2")})
	requireOpen(t, results[0])
	require.NoError(t, results[1])
	require.Equal(t, 2, server.Sessions())
	requireClosed(t, server)
}

func TestAServerThatIsNotThereFailsThemAllAtOnce(t *testing.T) {
	mail, _ := mailTo(t, nobody(t))
	for _, err := range mail.Deliver(t.Context(), []sink.Message{shipped("order-1"), shipped("order-2")}) {
		requireOpen(t, err)
		require.ErrorContains(t, err, "connecting to the mail server")
	}
}

// nobody returns an address at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestAServerThatDoesNotAnswerIsNotWaitedForForLong(t *testing.T) {
	hurry := func(c *sink.SMTPConfig) { c.Timeout = 100 * time.Millisecond }
	t.Run("greeting", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, nobody speaks
		require.NoError(t, err)
		defer func() { _ = listener.Close() }()
		mail, _ := mailTo(t, listener.Addr().String(), hurry)
		err = mail.Deliver(t.Context(), []sink.Message{shipped("order-1")})[0]
		require.EqualError(t, err, "connecting to the mail server: no answer in time")
	})
	t.Run("content", func(t *testing.T) {
		server := smtptest.Start(t)
		answer := make(chan struct{})
		defer close(answer)
		server.Answer(smtptest.Answer{Data: func(smtptest.Mail, net.Conn) error { <-answer; return nil }})
		mail, _ := mailTo(t, server.Addr, hurry)
		err := mail.Deliver(t.Context(), []sink.Message{shipped("order-1")})[0]
		require.EqualError(t, err, "sending the content (DATA): no answer in time")
		requireOpen(t, err)
	})
}

func TestAStrangerAtThePortIsNotQuoted(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	go func() {
		connection, err := listener.Accept()
		if err == nil {
			_, _ = connection.Write([]byte("hello cust-ada@shop.example\r\n"))
			_ = connection.Close()
		}
	}()
	mail, _ := mailTo(t, listener.Addr().String())
	err = mail.Deliver(t.Context(), []sink.Message{shipped("order-1")})[0]
	require.EqualError(t, err, "connecting to the mail server: the answer is no reply of SMTP")
}

// The process is asked to end while a mail is under way: the connection closes
// at once, the mail's fate is unknown, and the rest was not tried.
func TestTheEndOfTheContextCutsTheConnection(t *testing.T) {
	server := smtptest.Start(t)
	answer := make(chan struct{})
	defer close(answer)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	server.Answer(smtptest.Answer{Data: func(mail smtptest.Mail, _ net.Conn) error {
		if strings.Contains(mail.Content, "order-2") {
			stop()
			<-answer
		}
		return nil
	}})
	mail, _ := mailTo(t, server.Addr, func(c *sink.SMTPConfig) { c.Timeout = time.Hour })
	results := mail.Deliver(ctx, []sink.Message{shipped("order-1"), shipped("order-2"), shipped("order-3"), shipped("order-4")})
	require.NoError(t, results[0])
	require.ErrorIs(t, results[1], context.Canceled)
	requireOpen(t, results[1])
	require.Equal(t, []error{sink.ErrNotTried, sink.ErrNotTried}, results[2:])
	require.Len(t, server.Mails(), 2)

	require.Equal(t, []error{sink.ErrNotTried}, mail.Deliver(ctx, []sink.Message{shipped("order-1")}))
}

func TestAMessageWithoutWordsWaitsForAVersionThatHasThem(t *testing.T) {
	server := smtptest.Start(t)
	mail, _ := mailTo(t, server.Addr)
	strange := shipped("order-1")
	strange.Template = "order-lost"
	results := mail.Deliver(t.Context(), []sink.Message{strange, shipped("order-2")})
	requireOpen(t, results[0])
	require.NoError(t, results[1])
}
