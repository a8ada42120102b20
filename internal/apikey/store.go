package apikey

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/token"
)

// Store says whom a key speaks for, by a file that it follows. It is safe for
// concurrent use.
type Store struct {
	path string
	now  func() time.Time
	log  *zap.Logger

	keys atomic.Pointer[map[string]Key]
	// What follows is used by Watch only. Seen is the file as it was read last,
	// nil when there was none; failure is why it cannot be read now, "" when it
	// can.
	seen    os.FileInfo
	failure string
}

// Open reads the file at path. A missing file has no keys, and may come later.
// Now is the clock, nil for time.Now. An error means that there is a file which
// cannot be used.
func Open(path string, now func() time.Time, log *zap.Logger) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	s := &Store{path: path, now: now, log: log}
	s.seen = s.look()
	return s, s.load()
}

// Verify returns whom a key speaks for. Every error wraps token.ErrInvalid:
// answer 401, and do not say why.
func (s *Store) Verify(_ context.Context, text string) (token.Principal, error) {
	c, valid := parseCredential(text)
	if !valid {
		return token.Principal{}, refusal(errors.New("not of the form of an API key"))
	}
	key, known := (*s.keys.Load())[c.id]
	hash := c.hash()
	// The time that this takes says nothing about the hash.
	equal := subtle.ConstantTimeCompare(hash[:], key.Hash) == 1
	switch {
	case !known:
		return token.Principal{}, refusal(errors.New("unknown or revoked API key"))
	case !equal:
		return token.Principal{}, refusal(fmt.Errorf("wrong secret for the API key %s", c.id))
	case key.ExpiredAt(s.now()):
		return token.Principal{}, refusal(fmt.Errorf("the API key %s has expired", c.id))
	}
	return token.Principal{Subject: key.Subject, Scopes: key.Scopes}, nil
}

func refusal(err error) error { return fmt.Errorf("%w: %w", token.ErrInvalid, err) }

// Watch follows the file until ctx ends, by looking at it at every interval. A
// file that is removed takes its keys with it; one that cannot be used leaves
// those that are known in force, which is logged once for each cause, and is
// read again at the next look. The error is always nil.
func (s *Store) Watch(ctx context.Context, interval time.Duration) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			s.follow()
		}
	}
}

// follow reads the file if it is another one than was read last, or if reading
// it has failed since: a failure may pass and leave the file as it was.
func (s *Store) follow() {
	found := s.look()
	if s.failure == "" && same(found, s.seen) {
		return
	}
	if err := s.load(); err != nil {
		if err.Error() != s.failure {
			s.log.Error("the API keys cannot be read; those that are known stay in force", zap.Error(err))
		}
		s.failure = err.Error()
		return
	}
	s.seen, s.failure = found, ""
	s.log.Info("read the API keys anew", zap.Int("keys", len(*s.keys.Load())))
}

// look returns nil when there is no file, or none that can be looked at:
// reading it then says why.
func (s *Store) look() os.FileInfo {
	info, err := os.Stat(s.path)
	if err != nil {
		return nil
	}
	return info
}

// same reports whether two looks found the same file with the same content, and
// the same right to read it. An owner who changes is not noticed: that changes
// only whether it can be read.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}

func (s *Store) load() error {
	d, err := read(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	keys := make(map[string]Key, len(d.Keys))
	for _, key := range d.Keys {
		keys[key.ID] = key
	}
	s.keys.Store(&keys)
	return nil
}
