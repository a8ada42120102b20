// Command run is `make run`: the whole product on this machine, until Ctrl-C.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"orderflow/internal/config"
	"orderflow/internal/devstack"
	"orderflow/internal/supervisor"
)

// Exit codes beside 0, for a clean end.
const (
	exitFailed      = 1
	exitUsage       = 2   // a wrong setting, of whichever process
	exitInterrupted = 130 // before the system was ready
)

type settings struct {
	devstack.Config `embed:""`

	StopWithParent bool `hidden:"" help:"Stop when the process that started this one ends, as make does."`
}

func main() {
	var s settings
	config.Parse("run", "Runs the whole product on this machine, until Ctrl-C.", &s, os.Args[1:])
	s.Out, s.Terminal = os.Stdout, term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""

	ctx, abort := stopRequests(s.StopWithParent)
	switch err := devstack.Run(ctx, abort, s.Config); {
	case err == nil:
	case errors.Is(err, devstack.ErrStoppedEarly):
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(exitInterrupted)
	case errors.Is(err, devstack.ErrWrongSetting):
		explain(err)
		os.Exit(exitUsage)
	default:
		explain(err)
		os.Exit(exitFailed)
	}
}

// stopRequests returns a context that ends with the first request to stop, and
// one that ends with the second.
func stopRequests(withParent bool) (first, second context.Context) {
	first, stop := context.WithCancel(context.Background())
	second, abort := context.WithCancel(context.Background())
	requests := make(chan os.Signal, 2)
	signal.Notify(requests, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	// Standard output may be a pipe whose reader goes away. That must not end
	// this process before it has stopped its children. (An ignored signal would
	// be ignored by the children too.)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		<-requests
		stop()
		<-requests
		abort()
	}()
	if withParent {
		go stopWhenOrphaned(stop)
	}
	return first, second
}

// parentPoll is how often the parent is looked for.
const parentPoll = 500 * time.Millisecond

// stopWhenOrphaned calls stop when the parent has ended. A make that is killed
// cannot pass that on.
func stopWhenOrphaned(stop func()) {
	parent := os.Getppid()
	for range time.Tick(parentPoll) {
		if os.Getppid() != parent {
			stop()
			return
		}
	}
}

// explain prints the error in one line, and below it the last output of a
// process that did not start.
func explain(err error) {
	fmt.Fprintln(os.Stderr, "run:", err)
	var failed *supervisor.StartError
	if errors.As(err, &failed) {
		for _, line := range failed.Tail {
			fmt.Fprintln(os.Stderr, "    "+line)
		}
	}
}
