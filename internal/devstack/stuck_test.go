package devstack

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestAServerThatIsStuckForGoodIsEnded(t *testing.T) {
	stuck := errors.New("asking Temporal for namespace default: GetNamespace operation failed. Error interrupted (9)")
	tests := map[string]struct {
		answers []error // the last one stays
		ended   int
	}{
		"well":                   {[]error{nil}, 0},
		"away":                   {[]error{errors.New("connection refused")}, 0},
		"interrupted for a time": {[]error{stuck, stuck, stuck, nil}, 0},
		"stuck":                  {[]error{nil, stuck, stuck, stuck, stuck, nil}, 1},
		"stuck again":            {[]error{stuck, stuck, stuck, stuck, nil, stuck, stuck, stuck, stuck, nil}, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, ended := 0, 0
				watch := &stuckWatch{
					ask: func(context.Context) error {
						asked++
						return test.answers[min(asked, len(test.answers))-1]
					},
					end: func() error { ended++; return nil },
				}
				watch.start()
				<-time.After(20*stuckPoll + time.Millisecond)
				watch.stop()
				assert.Equal(t, 20, asked)
				assert.Equal(t, test.ended, ended)
			})
		})
	}
}
