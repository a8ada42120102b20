package gatewayclient

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	type event struct{ id, name, data string }
	tests := []struct {
		name, stream string
		want         []event
	}{
		{"nothing", "", nil},
		{"one", "id: 1\nevent: order\ndata: {}\n\n", []event{{"1", "order", "{}"}}},
		{"no space after the colon", "id:1\nevent:order\ndata:x\n\n", []event{{"1", "order", "x"}}},
		{"CR LF", "id: 1\r\ndata: x\r\n\r\n", []event{{"1", "", "x"}}},
		{"comments and unknown fields", ": hello\nretry: 5\nnonsense\ndata: x\n\n", []event{{"", "", "x"}}},
		{"data of several lines", "data: a\ndata:\ndata: b\n\n", []event{{"", "", "a\n\nb"}}},
		{"the ID lasts, the name does not", "id: 1\nevent: order\ndata: a\n\ndata: b\n\n", []event{{"1", "order", "a"}, {"1", "", "b"}}},
		{"no event without data", "id: 1\nevent: order\n\ndata: b\n\n", []event{{"1", "", "b"}}},
		{"the cut event is dropped", "data: a\n\ndata: b\n", []event{{"", "", "a"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []event
			for read, err := range serverSentEvents(strings.NewReader(test.stream)) {
				require.NoError(t, err)
				got = append(got, event{read.id, read.name, string(read.data)})
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestAStreamThatBreaksGivesWhatCameBefore(t *testing.T) {
	broken := errors.New("reset")
	stream := io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(broken))
	var data []string
	var failure error
	for event, err := range serverSentEvents(stream) {
		if err != nil {
			failure = err
			continue
		}
		data = append(data, string(event.data))
	}
	assert.Equal(t, []string{"a"}, data)
	assert.ErrorIs(t, failure, broken)
}
