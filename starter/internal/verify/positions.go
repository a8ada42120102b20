package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
)

// positions is the part of invariant 4 that concerns all streams together:
// every position up to the head was given to exactly one event, and no event ID
// stands twice. It keeps a bit for each position and eight bytes for each ID.
type positions struct {
	head   int64
	taken  []uint64
	hashes []uint64
	events int64
}

func newPositions(head int64) *positions {
	return &positions{head: head, taken: make([]uint64, head/64+1)}
}

// add must be called for every event that there is, once.
func (p *positions) add(events []eventRow, report *Report) {
	for _, event := range events {
		p.events++
		p.hashes = append(p.hashes, hashOf(event.EventID))
		if event.Position < 1 || event.Position > p.head {
			continue // appended since the head was read
		}
		word, bit := event.Position/64, uint64(1)<<(event.Position%64)
		if p.taken[word]&bit != 0 {
			report.breach(Streams, event.AggregateID, "position %d was given to another event, too", event.Position)
		}
		p.taken[word] |= bit
	}
}

func hashOf(text string) uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(text)) // cannot fail
	return hash.Sum64()
}

// check looks for holes and for IDs that stand twice. Only when two hashes are
// equal are the events read once more, to compare the IDs themselves.
func (p *positions) check(ctx context.Context, s *source, report *Report) error {
	for position := int64(1); position <= p.head; position++ {
		if p.taken[position/64]&(1<<(position%64)) == 0 {
			report.breach(Streams, fmt.Sprintf("position %d", position), "no event has it")
		}
	}
	slices.Sort(p.hashes)
	twice := make(map[uint64]bool)
	for i := 1; i < len(p.hashes); i++ {
		if p.hashes[i] == p.hashes[i-1] {
			twice[p.hashes[i]] = true
		}
	}
	if len(twice) == 0 {
		return nil
	}
	return p.compareIDs(ctx, s, twice, report)
}

func (p *positions) compareIDs(ctx context.Context, s *source, twice map[uint64]bool, report *Report) error {
	first := make(map[string]string)
	for raw, err := range s.pages(ctx, orderService, "event", "") {
		if err != nil {
			return err
		}
		var event eventRow
		if err := json.Unmarshal(raw, &event); err != nil {
			return fmt.Errorf("reading a row of %s/event: %w", orderService, err)
		}
		if !twice[hashOf(event.EventID)] {
			continue
		}
		// Within one stream it was reported already.
		if other, known := first[event.EventID]; known && other != event.AggregateID {
			report.breach(Streams, event.AggregateID, "event ID %s stands in the stream of %s, too", event.EventID, other)
			report.breach(Streams, other, "event ID %s stands in the stream of %s, too", event.EventID, event.AggregateID)
		}
		first[event.EventID] = event.AggregateID
	}
	return nil
}
