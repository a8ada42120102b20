package sink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
)

// What is asked of a mail server, as its refusals name it.
const (
	stepConnect = "connecting to the mail server"
	stepLogin   = "authenticating at the mail server"
	stepSender  = "naming the sender (MAIL)"
	stepAddress = "naming the recipient (RCPT)"
	stepContent = "sending the content (DATA)"
	stepReset   = "starting over (RSET)"
)

// replyError is a refusal of a mail server. The server's own words stay out of
// it, since they often quote the address: attempts and logs hold no personal
// data.
type replyError struct {
	step string
	code int
	// status is the enhanced code (RFC 3463), such as 5.1.1, empty where the
	// server sends none.
	status string
}

func (e *replyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%s: the mail server answered %d %s", e.step, e.code, e.status))
}

// permanent reports whether the server wants no repetition (RFC 5321, 4.2.1).
func (e *replyError) permanent() bool { return e.code >= 500 }

// ofTheSystem reports whether the enhanced code (RFC 3463, 3) lays the blame on
// who sends, or on the server itself. A 5xx then means that a person has to
// change something, and not that this message can never be delivered: a server
// that does not relay for us, or has our address on a list, says so as 554 5.7.1
// to the recipient of every message. Each is tried for itself all the same,
// because a server may also mean one recipient.
func (e *replyError) ofTheSystem() bool {
	_, subjectAndDetail, _ := strings.Cut(e.status, ".")
	subject, detail, _ := strings.Cut(subjectAndDetail, ".")
	switch subject {
	case "1": // addresses: of these two, the sender's
		return detail == "7" || detail == "8"
	case "3": // the mail system, but for a message that is too large
		return detail != "4"
	case "7": // security and policy
		switch detail {
		case "2", "13", "17", "18":
			// One recipient: a closed mailing list, a disabled account, an owner or
			// a domain that has changed (RFC 3463, 5248 and 7293).
			return false
		}
		// Before the content has come, that is who may send; afterwards it may be
		// the content, but for failures to prove the sender's domain (RFC 7372).
		return e.step == stepAddress || len(detail) == 2 && detail >= "20" && detail <= "27"
	}
	return false
}

// Replies that are not about the message, whatever command they answer.
const (
	codeShuttingDown      = 421 // RFC 5321, 3.8
	codeLoginRequired     = 530 // RFC 4954, 6, as the next ones
	codeLoginTooWeak      = 534
	codeLoginInvalid      = 535
	codeEncryptionMissing = 538
)

// ofEveryMessage reports whether the server would refuse each message alike,
// so that no message can be blamed: it is shutting down, wants other
// credentials, or refuses the one sender that all messages have.
func (e *replyError) ofEveryMessage() bool {
	switch e.code {
	case codeShuttingDown, codeLoginRequired, codeLoginTooWeak, codeLoginInvalid, codeEncryptionMissing:
		return true
	}
	return e.step == stepConnect || e.step == stepLogin || e.step == stepSender
}

// explain makes the error of a step fit for attempts and logs: a *replyError
// where the server has answered, otherwise what is wrong with the connection,
// whose state is unknown then.
func explain(ctx context.Context, step string, err error) error {
	var reply *textproto.Error
	var garbled textproto.ProtocolError
	var network net.Error
	switch {
	case errors.As(err, &reply):
		return &replyError{step: step, code: reply.Code, status: enhancedStatus(reply.Msg)}
	case errors.As(err, &garbled): // it quotes what came
		return fmt.Errorf("%s: the answer is no reply of SMTP", step)
	case ctx.Err() != nil:
		return fmt.Errorf("%s was cut off: %w", step, ctx.Err())
	case errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("%s: no answer in time", step)
	default:
		return fmt.Errorf("%s: %w", step, err)
	}
}

// enhancedStatus returns the class.subject.detail that a reply's text begins
// with (RFC 2034), or nothing.
func enhancedStatus(text string) string {
	words := strings.Fields(text)
	if len(words) == 0 {
		return ""
	}
	parts := strings.Split(words[0], ".")
	if len(parts) != 3 {
		return ""
	}
	for _, part := range parts {
		if len(part) < 1 || len(part) > 3 || strings.Trim(part, "0123456789") != "" {
			return ""
		}
	}
	return words[0]
}
