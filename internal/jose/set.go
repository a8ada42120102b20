package jose

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// ErrNoKeys says that no key of the issuer is known yet: its source has never
// answered. Nothing is wrong with the token; it may be right in a moment.
var ErrNoKeys = errors.New("the issuer's keys are not known yet")

const (
	// fetchTimeout bounds one fetch, and so how long a token can wait for it
	// while no keys are known at all.
	fetchTimeout = 5 * time.Second
	// unknownWait is how long a token with an unknown kid waits for a fetch
	// while other keys are known: an issuer that works answers in less, and kids
	// can be made up.
	unknownWait = 200 * time.Millisecond
	// unknownWaiters bounds how many such tokens wait at once, and so what
	// made-up kids can hold up.
	unknownWaiters = 100
	// retryAfter is when a source that failed is asked again.
	retryAfter = 30 * time.Second
)

// Set follows the public keys of one issuer. While the source is away, the last
// good keys stay in force. It is safe for concurrent use.
//
// A kid that is not in the set makes it ask the source, because the issuer may
// have a new key: at most once in the source's pause, and once for all tokens
// that wait for it. While other keys are known, few wait, and not for long.
type Set struct {
	source  Source
	refresh time.Duration // by the settings; 0: the source's usual one
	log     *zap.Logger

	keys    atomic.Pointer[map[string]publicKey] // nil until the first answer
	version atomic.Uint64
	waiting atomic.Int64 // tokens with an unknown kid

	mu      sync.Mutex
	content []byte        // of the last good answer
	running chan struct{} // closed when the fetch that is under way ends; nil when none is
	begun   time.Time     // of the last fetch
	fresh   time.Duration // by the last good answer
	failure error         // of the last fetch
}

// NewSet returns the set at a source, which is not asked yet: see Refresh and
// Keep. Refresh is how often to ask where the source does not say itself how
// long its answer is fresh; 0 is 15 minutes for an address and 10 s for a file.
// Log may be nil.
func NewSet(source Source, refresh time.Duration, log *zap.Logger) *Set {
	if log == nil {
		log = zap.NewNop()
	}
	return &Set{source: source, refresh: refresh, log: log}
}

// OpenFile returns the set in a file, which must be usable.
func OpenFile(path string, log *zap.Logger) (*Set, error) {
	set := NewSet(File(path), 0, log)
	if err := set.Refresh(context.Background()); err != nil {
		return nil, err
	}
	return set, nil
}

// Refresh asks the source, unless it was asked just now, and returns why the
// last attempt failed, or that of ctx when it ends earlier. The keys that are
// known stay in force in any case.
func (s *Set) Refresh(ctx context.Context) error {
	select {
	case <-s.fetchOnce(ctx):
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return fmt.Errorf("reading the key set: %s: %w", s.source, s.failure)
	}
	return nil
}

// Keep asks the source again and again until ctx ends, which is no error.
func (s *Set) Keep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.untilNext()):
			// The failure is logged, and there is a next time.
			_ = s.Refresh(ctx)
		}
	}
}

// Version changes whenever the keys do. What was verified under an older one may
// be signed by a key that is not in the set any more. Read it before verifying.
func (s *Set) Version() uint64 { return s.version.Load() }

// Check reports whether keys are known, for readiness. A source that has gone
// away later is no reason to be unready: its keys are still in force.
func (s *Set) Check(context.Context) error {
	if s.keys.Load() == nil {
		return fmt.Errorf("%s: %w", s.source, ErrNoKeys)
	}
	return nil
}

// find returns the key of a kid; false when the issuer has no such key. The
// error is ErrNoKeys or that of ctx.
func (s *Set) find(ctx context.Context, kid string) (publicKey, bool, error) {
	if keys := s.keys.Load(); keys != nil {
		if key, known := (*keys)[kid]; known {
			return key, true, nil
		}
	}
	if err := s.askFor(ctx); err != nil {
		return publicKey{}, false, err
	}
	keys := s.keys.Load()
	if keys == nil {
		return publicKey{}, false, ErrNoKeys
	}
	key, known := (*keys)[kid]
	return key, known, nil
}

// askFor lets the source be asked for a kid that is not known, and waits for the
// answer as long as that is worth it. The error is that of ctx: a failure of the
// source leaves the keys as they were.
func (s *Set) askFor(ctx context.Context) error {
	answered := s.fetchOnce(ctx)
	var enough <-chan time.Time // nil while no keys are known: never
	if s.keys.Load() != nil {
		select {
		case <-answered:
			return nil
		default:
		}
		defer s.waiting.Add(-1)
		if s.waiting.Add(1) > unknownWaiters {
			return nil
		}
		enough = time.After(unknownWait)
	}
	select {
	case <-answered:
	case <-enough:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// fetchOnce starts a fetch unless one is under way or was just now. What it
// returns is closed when there is nothing to wait for any more.
func (s *Set) fetchOnce(ctx context.Context) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return s.running
	}
	done := make(chan struct{})
	if !s.begun.IsZero() && time.Since(s.begun) < s.source.pause {
		close(done)
		return done
	}
	s.running, s.begun = done, time.Now()
	// Others wait for it too, so that it outlives who has asked.
	ctx = context.WithoutCancel(ctx)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		s.fetch(ctx)
		close(done)
	}()
	return done
}

func (s *Set) fetch(ctx context.Context) {
	content, fresh, err := s.source.fetch(ctx)
	var keys map[string]publicKey
	if err == nil {
		keys, err = parsePublicKeys(content)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	failedBefore := s.failure != nil
	s.running, s.failure = nil, err
	switch {
	case err == nil:
		s.fresh = fresh
		if !bytes.Equal(content, s.content) {
			s.keys.Store(&keys)
			s.content = content
			s.version.Add(1)
		}
		if failedBefore {
			s.log.Info("the key set can be read again", zap.Stringer("source", s.source))
		}
	case !failedBefore:
		s.log.Warn("the key set cannot be read; the keys that are known stay in force",
			zap.Stringer("source", s.source), zap.Error(err))
	}
}

// untilNext is how long to wait until the source is to be asked again.
func (s *Set) untilNext() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	after := cmp.Or(s.fresh, s.refresh, s.source.usual)
	if s.failure != nil {
		after = min(after, retryAfter)
	}
	return max(time.Until(s.begun.Add(after)), s.source.pause)
}
