package internal_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/notification"
	"orderflow/services/notification/internal"
	"orderflow/services/notification/internal/sink"
	"orderflow/services/notification/internal/sink/smtptest"
)

func mailSettings(addr string) sink.SMTPConfig {
	return sink.SMTPConfig{
		Addr: addr, From: "orders@shop.example", Recipient: "{customerId}@customers.shop.example", TLS: "none",
		Timeout: 10 * time.Second,
	}
}

// eachWithMail is each with a mail server as the sink.
func eachWithMail(t *testing.T, test func(t *testing.T, o outbox, server *smtptest.Server)) {
	each(t, func(t *testing.T, o outbox) {
		server := smtptest.Start(t)
		core, logs := observer.New(zap.DebugLevel)
		mail, err := sink.NewSMTP(mailSettings(server.Addr), zap.New(core))
		require.NoError(t, err)
		o.logs = logs
		o.Deliverer = internal.NewDeliverer(o.db, mail, o.clock.now, zap.New(core))
		test(t, o, server)
	})
}

func messageIDs(t *testing.T, server *smtptest.Server) []string {
	t.Helper()
	var found []string
	for _, mail := range server.Mails() {
		_, after, ok := strings.Cut(mail.Content, "Message-ID: ")
		require.True(t, ok, mail.Content)
		id, _, _ := strings.Cut(after, "\r\n")
		found = append(found, id)
	}
	return found
}

func TestMailThatTheServerPutsOffComesLater(t *testing.T) {
	eachWithMail(t, func(t *testing.T, o outbox, server *smtptest.Server) {
		server.Answer(smtptest.Answer{Rcpt: func(string) error {
			return smtptest.Reply(450, [3]int{4, 7, 1}, "<cust-ada@customers.shop.example> is greylisted")
		}})
		o.notify(t, "order-1")
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Queued, 1)
		server.Answer(smtptest.Answer{})
		o.runOnce(t)
		require.Empty(t, server.Mails(), "it is not due yet")
		o.clock.advance(time.Second)
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Delivered, 2)
		require.Len(t, server.Mails(), 1)
		require.Equal(t, []string{
			"failed naming the recipient (RCPT): the mail server answered 450 4.7.1", "delivered ",
		}, o.outcomes(t, "order-1"))
		requireNothingPersonal(t, o)
	})
}

func TestMailThatTheServerRefusesForGoodIsNotTriedForEver(t *testing.T) {
	eachWithMail(t, func(t *testing.T, o outbox, server *smtptest.Server) {
		server.Answer(smtptest.Answer{Rcpt: func(string) error {
			return smtptest.Reply(550, [3]int{5, 1, 1}, "<cust-ada@customers.shop.example> is unknown here")
		}})
		o.notify(t, "order-1")
		o.runOnce(t)
		for range 3 {
			o.clock.advance(24 * time.Hour)
			o.runOnce(t)
		}
		o.requireOne(t, "order-1", notification.Failed, 1)
		require.Equal(t, []string{
			"failed refused for good: naming the recipient (RCPT): the mail server answered 550 5.1.1",
		}, o.outcomes(t, "order-1"))
		require.Equal(t, 1, server.Sessions())
		requireNothingPersonal(t, o)
	})
}

// The server has taken the mail, but its answer is lost: at least once means
// that the mail comes again, and the Message-ID that it can be dropped.
func TestMailWhoseAnswerIsLostComesAgainUnderTheSameID(t *testing.T) {
	eachWithMail(t, func(t *testing.T, o outbox, server *smtptest.Server) {
		server.Answer(smtptest.Answer{Data: func(_ smtptest.Mail, connection net.Conn) error { return connection.Close() }})
		o.notify(t, "order-1")
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Queued, 1)
		server.Answer(smtptest.Answer{})
		o.clock.advance(time.Second)
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Delivered, 2)

		ids := messageIDs(t, server)
		require.Len(t, ids, 2)
		require.Equal(t, ids[0], ids[1])
		require.Equal(t, server.Mails()[0], server.Mails()[1])
		requireNothingPersonal(t, o)
	})
}

// requireNothingPersonal requires logs that tell neither customer nor address.
func requireNothingPersonal(t *testing.T, o outbox) {
	t.Helper()
	for _, entry := range o.logs.All() {
		text := fmt.Sprint(entry.Message, entry.ContextMap())
		require.NotContains(t, text, "cust-ada")
		require.NotContains(t, text, "customers.shop.example")
	}
}

// mailService runs the whole service until stop.
func mailService(t *testing.T, dsn, addr string, use func(client *notification.Client)) {
	t.Helper()
	parts, err := internal.Build(t.Context(), internal.Config{DSN: dsn, SMTP: mailSettings(addr)}, zap.NewNop())
	require.NoError(t, err)
	t.Run("service", func(t *testing.T) {
		use(notification.NewClient(chassistest.Start(t, "notification", parts, faults.Spec{}).Caller))
	})
}

func statusOf(client *notification.Client, orderID string) (notification.Status, int) {
	found, err := client.Notifications(context.Background(), orderID)
	if err != nil || len(found) != 1 {
		return "", 0
	}
	return found[0].Status, found[0].Attempts
}

func TestMailThatWaitsAtTheEndOfTheProcessIsSentByTheNextOne(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		addr := nobody(t)
		mailService(t, dsn, addr, func(client *notification.Client) {
			require.NoError(t, client.Notify(t.Context(), shipped("order-1")))
			require.NoError(t, client.Notify(t.Context(), shipped("order-2")))
			require.Eventually(t, func() bool {
				status, attempts := statusOf(client, "order-2")
				return status == notification.Queued && attempts > 0
			}, 20*time.Second, 10*time.Millisecond)
		})
		server := smtptest.Start(t, smtptest.At(addr))
		mailService(t, dsn, addr, func(client *notification.Client) {
			require.Eventually(t, func() bool {
				first, _ := statusOf(client, "order-1")
				second, _ := statusOf(client, "order-2")
				return first == notification.Delivered && second == notification.Delivered
			}, 30*time.Second, 10*time.Millisecond)
		})
		require.Len(t, server.Mails(), 2)
		require.Eventually(t, func() bool { return server.Open() == 0 }, 10*time.Second, time.Millisecond)
	})
}

// nobody returns an address at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// A server that hangs must not keep the process from its end, nor may the mails
// that it took before come again.
func TestTheEndOfTheProcessDoesNotWaitForAServerThatHangs(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	server := smtptest.Start(t)
	hanging, answer := make(chan struct{}), make(chan struct{})
	defer close(answer)
	server.Answer(smtptest.Answer{Data: func(mail smtptest.Mail, _ net.Conn) error {
		if strings.Contains(mail.Content, "order-2") {
			close(hanging)
			<-answer
		}
		return nil
	}})
	var told time.Time
	parts, err := internal.Build(t.Context(), internal.Config{DSN: dsn, SMTP: mailSettings(server.Addr)}, zap.NewNop())
	require.NoError(t, err)
	t.Run("service", func(t *testing.T) {
		client := notification.NewClient(chassistest.Start(t, "notification", parts, faults.Spec{}).Caller)
		require.NoError(t, client.Notify(t.Context(), shipped("order-1")))
		require.NoError(t, client.Notify(t.Context(), shipped("order-2")))
		<-hanging
		told = time.Now()
	})
	require.Less(t, time.Since(told), 8*time.Second, "three seconds, where nothing else is slow")

	o := newOutbox(sqlstoretest.Open(t, dsn, internal.Schemas()...))
	o.requireOne(t, "order-1", notification.Delivered, 1)
	o.requireOne(t, "order-2", notification.Queued, 1)
	require.Equal(t, []string{"failed sending the content (DATA) was cut off: context canceled"}, o.outcomes(t, "order-2"))
}

func TestWrongSettingsOfMailEndTheStart(t *testing.T) {
	wrong := mailSettings("mail.example:25")
	wrong.From = "nobody"
	_, err := internal.Build(t.Context(), internal.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "n.db"), SMTP: wrong}, zap.NewNop())
	require.ErrorContains(t, err, "ORDERFLOW_SMTP_FROM")
	require.NotContains(t, err.Error(), "\n")
}
