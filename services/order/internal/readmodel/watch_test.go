package readmodel

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWatchersHearOfTheirOrderOnly(t *testing.T) {
	var watchers Watchers
	first, stopFirst := watchers.Watch("a")
	second, stopSecond := watchers.Watch("a")
	other, stopOther := watchers.Watch("b")
	defer stopOther()

	watchers.notify([]string{"a", "c"})
	watchers.notify([]string{"a"})
	assert.Len(t, first, 1, "changes in quick succession count as one")
	assert.Len(t, second, 1)
	assert.Empty(t, other)

	stopFirst()
	<-second
	watchers.notify([]string{"a"})
	assert.Len(t, second, 1, "one watcher that leaves does not take the other with it")
	stopSecond()
	stopSecond()
	assert.Len(t, watchers.waiting, 1, "nothing is kept for those who left")
}
