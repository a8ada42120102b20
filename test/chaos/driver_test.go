package chaos

import (
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFaultsGoOnUntilThereWereEnough(t *testing.T) {
	const lasts = 100 * time.Second
	tests := map[string]struct {
		every time.Duration // a fault happens
		want  time.Duration
	}{
		"a fast machine":          {time.Second, 70 * time.Second},
		"a slow machine":          {12 * time.Second, 120 * time.Second},
		"a machine much too slow": {time.Minute, 210 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				journal, err := OpenJournal(filepath.Join(t.TempDir(), "faults.jsonl"), io.Discard)
				require.NoError(t, err)
				driver := NewDriver(Settings{Lasts: lasts, AtLeast: 10}, nil, nil, Tools{}, journal, &Breaches{})
				began, number := time.Now(), 0
				faults := time.NewTicker(test.every)
				over := make(chan struct{})
				go func() { driver.awaitOver(t.Context()); close(over) }()
				for done := false; !done; {
					select {
					case <-faults.C:
						number++
						journal.Begin(Fault{Number: number, Way: Killed})
					case <-over:
						done = true
					}
				}
				assert.InDelta(t, test.want.Seconds(), time.Since(began).Seconds(), 0.2)
				require.NoError(t, journal.Close())
			})
		})
	}
}
