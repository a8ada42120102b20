package sink_test

import (
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/notification/internal/sink"
	"orderflow/services/notification/internal/sink/smtptest"
)

func parse(t *testing.T, mail smtptest.Mail) (header netmail.Header, body string) {
	t.Helper()
	parsed, err := netmail.ReadMessage(strings.NewReader(mail.Content))
	require.NoError(t, err)
	require.Equal(t, "quoted-printable", parsed.Header.Get("Content-Transfer-Encoding"))
	text, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	require.NoError(t, err)
	return parsed.Header, string(text)
}

func TestMailIsPlainTextForOneCustomer(t *testing.T) {
	server := smtptest.Start(t)
	mail, _ := mailTo(t, server.Addr)
	undone := sink.Message{
		ID: "order-2/NotifyCustomer/1", OrderID: "order-2", CustomerID: "cust-bob", Template: "order-undone",
		Reason: "out of stock: Käse 🧀\n.\nRSET", QueuedAt: queuedAt,
	}
	require.Equal(t, []error{nil, nil}, mail.Deliver(t.Context(), []sink.Message{shipped("order-1"), undone}))
	mails := server.Mails()
	require.Len(t, mails, 2)
	assert.Equal(t, 1, server.Sessions(), "one session for all")
	requireClosed(t, server)

	assert.Equal(t, "orders@shop.example", mails[0].From)
	assert.Equal(t, "cust-ada@customers.shop.example", mails[0].To)
	header, body := parse(t, mails[0])
	assert.Equal(t, `"Shop" <orders@shop.example>`, header.Get("From"))
	assert.Equal(t, "<cust-ada@customers.shop.example>", header.Get("To"))
	assert.Equal(t, "Your order order-1 is on its way", header.Get("Subject"))
	assert.Equal(t, "text/plain; charset=UTF-8", header.Get("Content-Type"))
	assert.Equal(t, "1.0", header.Get("MIME-Version"))
	assert.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
	assert.Empty(t, header.Get("User-Agent"))
	date, err := header.Date()
	require.NoError(t, err)
	assert.True(t, date.Equal(queuedAt), "the time at which the message was queued")
	assert.Equal(t, "Your order order-1 has been handed to the carrier.\r\n\r\nTracking number: SP1\r\n", body)

	_, body = parse(t, mails[1])
	assert.Contains(t, body, "Reason: out of stock: Käse 🧀 . RSET\r\n")
}

func TestTheMessageIDIsOneForEachMessageAndAlwaysTheSame(t *testing.T) {
	server := smtptest.Start(t)
	mail, _ := mailTo(t, server.Addr)
	for range 2 {
		mail.Deliver(t.Context(), []sink.Message{shipped("order-1"), shipped("order-2")})
	}
	mails := server.Mails()
	require.Len(t, mails, 4)
	first, _ := parse(t, mails[0])
	second, _ := parse(t, mails[1])
	require.Regexp(t, `^<[0-9a-f-]{36}@shop\.example>$`, first.Get("Message-Id"))
	require.NotEqual(t, first.Get("Message-Id"), second.Get("Message-Id"))
	require.Equal(t, mails[:2], mails[2:], "not a byte differs")
}

func TestNoValueBecomesAHeaderOrACommand(t *testing.T) {
	server := smtptest.Start(t)
	mail, _ := mailTo(t, server.Addr)
	evil := shipped("order-1\r\nBcc: all@shop.example\r\n\r\nhello")
	evil.TrackingNumber = "SP1\r\n.\r\nMAIL FROM:<x@x.example>"
	require.Equal(t, []error{nil}, mail.Deliver(t.Context(), []sink.Message{evil}))
	require.Len(t, server.Mails(), 1)
	header, body := parse(t, server.Mails()[0])
	require.Empty(t, header.Get("Bcc"))
	subject, err := (&mime.WordDecoder{}).DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Your order order-1  Bcc: all@shop.example    hello is on its way", subject)
	require.Contains(t, body, "Tracking number: SP1  .  MAIL FROM:<x@x.example>\r\n")

	for _, customerID := range []string{"", "ada\r\nRCPT TO:<x@x.example>", "a@b", "<>", "ada bob"} {
		evil := shipped("order-1")
		evil.CustomerID = customerID
		var refused *sink.RefusedError
		require.ErrorAs(t, mail.Deliver(t.Context(), []sink.Message{evil})[0], &refused, customerID)
	}
	require.Len(t, server.Mails(), 1)
}

func TestAnIDThatIsNoPlainLocalPartIsQuoted(t *testing.T) {
	server := smtptest.Start(t)
	mail, _ := mailTo(t, server.Addr)
	odd := shipped("order-1")
	odd.CustomerID = "cust..1."
	require.Equal(t, []error{nil}, mail.Deliver(t.Context(), []sink.Message{odd}))
	header, _ := parse(t, server.Mails()[0])
	require.Equal(t, `<"cust..1."@customers.shop.example>`, header.Get("To"))
	require.Equal(t, "cust..1.@customers.shop.example", server.Mails()[0].To)
}
