package sink

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"

	"github.com/google/uuid"
	"github.com/wneessen/go-mail"

	"orderflow/internal/validate"
)

// letter is a message in the form in which it travels.
type letter struct {
	// from and to are paths (RFC 5321, 4.1.2), "<local@domain>".
	from, to string
	// content is header and body (RFC 5322).
	content []byte
}

// newLetter writes the message. An equal message gives an equal letter, byte
// by byte: all that is in it comes from the message.
func newLetter(from *netmail.Address, recipient string, message Message) (letter, error) {
	if !validate.IsID(message.CustomerID) {
		return letter{}, &RefusedError{Err: errors.New("the customer's ID fits into no address")}
	}
	subject, body, err := message.Text()
	if err != nil {
		return letter{}, err
	}
	// Address quotes a local part that needs it, such as one with two dots.
	to := &netmail.Address{Address: strings.Replace(recipient, customerPlaceholder, message.CustomerID, 1)}

	content := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(mail.EncodingQP))
	content.FromMailAddress(from)
	content.ToMailAddress(to)
	content.Subject(subject)
	content.SetDateWithValue(message.QueuedAt)
	content.SetMessageIDWithValue(messageID(message.ID, from))
	// RFC 3834: no answering machine should answer it.
	content.SetGenHeader("Auto-Submitted", "auto-generated")
	content.SetBodyString(mail.TypeTextPlain, body)
	var text bytes.Buffer
	if _, err := content.WriteTo(&text); err != nil {
		return letter{}, fmt.Errorf("writing the message as mail: %w", err)
	}
	return letter{from: path(from), to: path(to), content: text.Bytes()}, nil
}

// messageID is the same for each delivery of a message, so that a mail system
// can drop what came before (RFC 5322, 3.6.4). The ID's own characters do not
// all fit into it; a name-based UUID (RFC 9562, 5.5) stands for them.
func messageID(id string, from *netmail.Address) string {
	domain := from.Address[strings.LastIndexByte(from.Address, '@')+1:]
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("orderflow notification "+id)).String() + "@" + domain
}

// path is the address without a name, as SMTP's commands want it.
func path(address *netmail.Address) string {
	return (&netmail.Address{Address: address.Address}).String()
}
