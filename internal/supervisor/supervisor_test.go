//go:build unix

package supervisor_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/supervisor"
)

func TestStartsInOrderOfNeedAndStopsInReverse(t *testing.T) {
	dir := t.TempDir()
	s := start(t, supervisor.Options{},
		child(dir, "temporal", "serve"),
		child(dir, "payment", "serve", "temporal"),
		child(dir, "gateway", "serve", "payment"),
	)
	require.NoError(t, s.Stop())

	assert.Equal(t, []string{
		"temporal up", "payment up", "gateway up",
		"gateway down", "payment down", "temporal down",
	}, strings.Split(strings.TrimSpace(readNotes(dir)), "\n"))
}

func TestWhatHasNoNeedStartsSideBySide(t *testing.T) {
	dir := t.TempDir()
	both := sync.WaitGroup{}
	both.Add(2)
	meet := func(ctx context.Context) error {
		both.Done()
		met := make(chan struct{})
		go func() { both.Wait(); close(met) }()
		select {
		case <-met:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	one, two := child(dir, "one", "serve"), child(dir, "two", "serve")
	one.Ready, two.Ready = meet, meet // each is ready only once the other is probed
	start(t, supervisor.Options{}, one, two)
}

func TestKilledProcessIsStartedAgain(t *testing.T) {
	dir := t.TempDir()
	s := start(t, supervisor.Options{}, child(dir, "payment", "serve"))
	first, err := s.Pid("payment")
	require.NoError(t, err)

	require.NoError(t, s.Kill("payment"))
	assert.True(t, gone(first))
	require.NoError(t, s.WaitReady(t.Context(), "payment"))

	second, err := s.Pid("payment")
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	assert.Equal(t, 1, s.Restarts("payment"))
	status, err := s.Status("payment")
	require.NoError(t, err)
	assert.EqualError(t, status.Err, "signal: killed")
}

func TestProcessThatEndsWellUnaskedIsStartedAgain(t *testing.T) {
	quit := child(t.TempDir(), "quit", "quit")
	quit.Ready = nil
	s := start(t, supervisor.Options{Restart: supervisor.Backoff{Min: time.Millisecond}}, quit)
	require.NoError(t, s.Wait(t.Context(), "quit", func(now supervisor.Status) bool { return now.Restarts() >= 2 }))
}

func TestProcessMayFailBeforeItIsReady(t *testing.T) {
	dir := t.TempDir()
	s := start(t, supervisor.Options{Restart: supervisor.Backoff{Min: time.Millisecond}}, child(dir, "slow", "crash-twice"))
	assert.Equal(t, 2, s.Restarts("slow"))
}

func TestProcessThatNeverBecomesReadyFailsTheStartAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	var events recorder
	s := supervisor.New(supervisor.Options{
		Observe: events.observe, StartAttempts: 3, Restart: supervisor.Backoff{Min: time.Millisecond},
	})
	require.NoError(t, s.Add(child(dir, "consul", "serve")))
	require.NoError(t, s.Add(child(dir, "payment", "crash", "consul")))
	require.NoError(t, s.Add(child(dir, "gateway", "serve", "payment")))

	err := s.Start(t.Context())
	var startError *supervisor.StartError
	require.ErrorAs(t, err, &startError)
	assert.EqualError(t, startError, "payment does not start: exit status 3")
	assert.Contains(t, startError.Tail, "cannot open the store")

	assert.Equal(t, []supervisor.EventKind{supervisor.EventEnded, supervisor.EventEnded, supervisor.EventFailed}, events.kinds("payment"))
	assert.Equal(t, "consul up\nconsul down\n", readNotes(dir), "gateway was never started")
}

func TestStartDoesNotRepeatAHopelessAttempt(t *testing.T) {
	dir := t.TempDir()
	var events recorder
	s := supervisor.New(supervisor.Options{Observe: events.observe, StartAttempts: 3, Restart: supervisor.Backoff{Min: time.Millisecond}})
	wrong := child(dir, "payment", "crash")
	wrong.HopelessExit = 3
	require.NoError(t, s.Add(wrong))
	require.Error(t, s.Start(t.Context()))
	assert.Equal(t, []supervisor.EventKind{supervisor.EventFailed}, events.kinds("payment"))
}

func TestStartGivesUpOnAProcessThatIsNotReadyInTime(t *testing.T) {
	dir := t.TempDir()
	stuck := child(dir, "stuck", "serve")
	stuck.Ready = func(context.Context) error { return errors.New("no leader") }
	s := supervisor.New(supervisor.Options{ReadyTimeout: 50 * time.Millisecond})
	require.NoError(t, s.Add(stuck))
	assert.EqualError(t, s.Start(t.Context()), "stuck does not start: not ready in time (50ms): no leader")
}

func TestMissingProgramIsNamed(t *testing.T) {
	s := supervisor.New(supervisor.Options{StartAttempts: 1})
	require.NoError(t, s.Add(supervisor.Process{
		Name: "ghost", Command: supervisor.Fixed(supervisor.Command{Path: "/no/such/program"}),
	}))
	require.ErrorIs(t, s.Start(t.Context()), os.ErrNotExist)
}

func TestStubbornProcessIsKilledAfterItsGrace(t *testing.T) {
	dir := t.TempDir()
	stubborn := child(dir, "stubborn", "stubborn")
	stubborn.Grace = 100 * time.Millisecond
	var events recorder
	s := start(t, supervisor.Options{Observe: events.observe}, stubborn)
	pid, err := s.Pid("stubborn")
	require.NoError(t, err)

	require.NoError(t, s.Stop())
	assert.True(t, gone(pid))
	assert.Contains(t, readNotes(dir), "stubborn refused")
	require.ErrorContains(t, events.last("stubborn").Err, "killed: did not end within")
}

func TestWholeStopIsBounded(t *testing.T) {
	dir := t.TempDir()
	bottom, top := child(dir, "bottom", "stubborn"), child(dir, "top", "stubborn", "bottom")
	bottom.Grace, top.Grace = time.Hour, time.Hour
	s := start(t, supervisor.Options{StopTimeout: 100 * time.Millisecond}, bottom, top)
	require.NoError(t, s.Stop())
	_, err := s.Pid("bottom")
	require.ErrorIs(t, err, supervisor.ErrNotRunning)
}

func TestAbortKillsAtOnce(t *testing.T) {
	stubborn := child(t.TempDir(), "stubborn", "stubborn")
	stubborn.Grace = time.Hour
	s := start(t, supervisor.Options{StopTimeout: time.Hour}, stubborn)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop() }()
	require.NoError(t, s.Wait(t.Context(), "stubborn", func(now supervisor.Status) bool { return now.State == supervisor.Stopping }))
	s.Abort()
	require.NoError(t, <-stopped)
}

func TestProcessThatAChildLeavesBehindIsKilledToo(t *testing.T) {
	dir := t.TempDir()
	parent := child(dir, "parent", "parent")
	parent.Ready = func(context.Context) error {
		if !strings.Contains(readNotes(dir), "grandchild up") {
			return errors.New("grandchild is not up")
		}
		return nil
	}
	s := start(t, supervisor.Options{}, parent)
	_, after, _ := strings.Cut(readNotes(dir), "started ")
	text, _, _ := strings.Cut(after, "\n")
	grandchild, err := strconv.Atoi(text)
	require.NoError(t, err)

	require.NoError(t, s.Stop())
	require.Eventually(t, func() bool { return gone(grandchild) }, 10*time.Second, time.Millisecond)
}

func TestStoppedBySIGSTOPItStillEndsOnStop(t *testing.T) {
	dir := t.TempDir()
	s := start(t, supervisor.Options{}, child(dir, "frozen", "serve"))
	require.NoError(t, s.Signal("frozen", syscall.SIGSTOP))
	require.NoError(t, s.Stop())
	assert.Contains(t, readNotes(dir), "frozen down")
}

func TestAddAndRemoveWhileRunning(t *testing.T) {
	dir := t.TempDir()
	s := start(t, supervisor.Options{}, child(dir, "workers-1", "serve"))

	require.NoError(t, s.Add(child(dir, "workers-2", "serve", "workers-1")))
	require.NoError(t, s.WaitReady(t.Context(), "workers-2"))
	assert.Equal(t, []string{"workers-1", "workers-2"}, s.Names())

	require.ErrorContains(t, s.Remove(t.Context(), "workers-1"), `"workers-2" needs it`)
	require.NoError(t, s.Remove(t.Context(), "workers-2"))
	assert.Contains(t, readNotes(dir), "workers-2 down")
	require.ErrorIs(t, s.WaitReady(t.Context(), "workers-2"), supervisor.ErrUnknown)
	require.ErrorIs(t, s.Kill("workers-2"), supervisor.ErrUnknown)
}

func TestAddRefusesWhatCannotRun(t *testing.T) {
	fine := child(t.TempDir(), "fine", "serve")
	cases := map[string]supervisor.Process{
		"no name":         {Command: fine.Command},
		"no command":      {Name: "x"},
		"negative grace":  {Name: "x", Command: fine.Command, Grace: -1},
		"unknown need":    {Name: "x", Command: fine.Command, Needs: []string{"y"}},
		"need of itself":  {Name: "x", Command: fine.Command, Needs: []string{"x"}},
		"name used twice": fine,
	}
	for name, process := range cases {
		t.Run(name, func(t *testing.T) {
			s := supervisor.New(supervisor.Options{})
			require.NoError(t, s.Add(fine))
			require.Error(t, s.Add(process))
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	stuck := child(dir, "stuck", "serve")
	ctx, cancel := context.WithCancel(t.Context())
	stuck.Ready = func(context.Context) error { cancel(); return errors.New("never") }
	s := supervisor.New(supervisor.Options{})
	require.NoError(t, s.Add(stuck))
	require.ErrorIs(t, s.Start(ctx), context.Canceled)
	require.ErrorIs(t, s.Add(child(dir, "late", "serve")), supervisor.ErrStopped)
}

func TestStopWithoutStartReturns(t *testing.T) {
	s := supervisor.New(supervisor.Options{})
	require.NoError(t, s.Add(child(t.TempDir(), "unused", "serve")))
	require.NoError(t, s.Stop())
	require.Error(t, s.Start(t.Context()))
}

func TestRunServesUntilItsContextEnds(t *testing.T) {
	dir := t.TempDir()
	s := supervisor.New(supervisor.Options{})
	require.NoError(t, s.Add(child(dir, "one", "serve")))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	require.NoError(t, s.WaitReady(t.Context(), "one"))
	cancel()
	require.NoError(t, <-done)
	assert.Contains(t, readNotes(dir), "one down")
}

func TestExecRunsOnceAndEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	s := start(t, supervisor.Options{}, child(dir, "one", "serve"))
	command := func(mode string) supervisor.Command {
		c, err := child(dir, "once", mode).Command()
		require.NoError(t, err)
		return c
	}
	var out strings.Builder
	var exit *exec.ExitError
	require.ErrorAs(t, s.Exec(t.Context(), command("crash"), &out), &exit)
	assert.Equal(t, 3, exit.ExitCode())
	assert.Equal(t, "cannot open the store\n", out.String())

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Exec(ctx, command("serve"), &out) }()
	require.Eventually(t, func() bool { return strings.Contains(readNotes(dir), "once up") }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	assert.Contains(t, readNotes(dir), "once down")
}

// recorder keeps the events of all processes.
type recorder struct {
	mu     sync.Mutex
	events []supervisor.Event
}

func (r *recorder) observe(e supervisor.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) of(name string) []supervisor.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []supervisor.Event
	for _, e := range r.events {
		if e.Name == name {
			found = append(found, e)
		}
	}
	return found
}

func (r *recorder) kinds(name string) []supervisor.EventKind {
	var kinds []supervisor.EventKind
	for _, e := range r.of(name) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (r *recorder) last(name string) supervisor.Event {
	events := r.of(name)
	return events[len(events)-1]
}
