package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Said is a line of the log of promises: what a client asked for, or what it was
// told.
type Said struct {
	At       time.Time `json:"at"`
	What     What      `json:"what"`
	Number   int       `json:"number"`
	Kind     Kind      `json:"kind"`
	Customer string    `json:"customer"`
	Key      string    `json:"key,omitempty"`
	OrderID  string    `json:"orderId,omitempty"`
	Status   int       `json:"status,omitempty"`
	Body     *Body     `json:"body,omitempty"`
}

// What a client has done or heard.
type What string

// Lines of the log.
const (
	Sent       What = "sent"        // an order is sent for the first time
	Accepted   What = "accepted"    // 202 or 201
	TurnedDown What = "turned down" // 4xx for good
	NoAnswer   What = "no answer"   // the connection broke, and it was not sent again

	CancelSent       What = "cancel sent"
	CancelAccepted   What = "cancel accepted"
	CancelTurnedDown What = "cancel turned down"
	HoldAccepted     What = "hold accepted"
	ReleaseAccepted  What = "release accepted"

	// OperatorCancelled is a cancel that the fault driver has asked for.
	OperatorCancelled What = "operator cancelled"
)

// Promises is the clients' own log. It is only appended to, a line at a time,
// and read back from the file: nothing that a client was told is only in
// memory.
type Promises struct {
	mu   sync.Mutex
	file *os.File
	err  error
}

// OpenPromises creates the log.
func OpenPromises(path string) (*Promises, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of promises: %w", err)
	}
	return &Promises{file: file}, nil
}

// Say appends a line.
func (p *Promises) Say(said Said) {
	said.At = time.Now().UTC()
	line, err := json.Marshal(said)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		_, err = p.file.Write(append(line, '\n'))
	}
	p.err = errors.Join(p.err, err)
}

// Close returns the first error of any line too.
func (p *Promises) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.err, p.file.Close())
}

// ReadPromises reads a log.
func ReadPromises(path string) ([]Said, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the log of promises: %w", err)
	}
	defer func() { _ = file.Close() }()
	var all []Said
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var said Said
		if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
			return nil, fmt.Errorf("reading the log of promises: %w", err)
		}
		all = append(all, said)
	}
	return all, lines.Err()
}
