// Package internal is the notification service: messages to customers,
// accepted durably and delivered at least once in the background.
//
// It is a Transactional Outbox. Accepting a message writes it beside its fence
// row in one transaction; a Deliverer takes due messages in batches, hands them
// to the sink and records each attempt. A message that cannot be delivered is
// tried again with growing pauses, for as long as it takes, unless the sink
// refuses it for good: then it has failed. Neither changes an order. The sink is
// a port: the package sink has a file and a mail server.
//
// A message names the customer by ID only. The package knows no addresses; see
// sink.SMTPConfig for how mail reaches a customer nevertheless.
package internal
