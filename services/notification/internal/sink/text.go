package sink

import (
	"fmt"
	"strings"
	"unicode"

	"orderflow/services/notification"
)

// Text returns what the customer reads: a subject of one line, and a body of
// plain text with lines that end in "\n". It is the one place for these words,
// whatever the sink. It fails for a template that this version does not know; a
// newer one does.
func (m Message) Text() (subject, body string, err error) {
	orderID, trackingNumber, reason := oneLine(m.OrderID), oneLine(m.TrackingNumber), oneLine(m.Reason)
	var lines []string
	switch notification.Template(m.Template) {
	case notification.OrderShipped:
		subject = fmt.Sprintf("Your order %s is on its way", orderID)
		lines = []string{fmt.Sprintf("Your order %s has been handed to the carrier.", orderID)}
		if trackingNumber != "" {
			lines = append(lines, "", "Tracking number: "+trackingNumber)
		}
	case notification.OrderUndone, notification.OrderUndoneUnrefunded:
		subject = fmt.Sprintf("Your order %s will not be delivered", orderID)
		lines = []string{fmt.Sprintf("Your order %s will not be delivered.", orderID)}
		if reason != "" {
			lines = append(lines, "", "Reason: "+reason)
		}
		money := "Whatever was charged for it is refunded."
		if m.Template == string(notification.OrderUndoneUnrefunded) {
			money = "If it was charged, please contact us about the money: it has not been refunded."
		}
		lines = append(lines, "", money)
	default:
		return "", "", fmt.Errorf("there are no words for the template %q", m.Template)
	}
	return subject, strings.Join(lines, "\n") + "\n", nil
}

// oneLine keeps a value inside its line, so that it cannot add a line to a
// body or a field to a header.
func oneLine(value string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(value, "\uFFFD"))
}
