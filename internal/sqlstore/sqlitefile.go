package sqlstore

import (
	"fmt"
	"os"
	"sync/atomic"
)

// sqliteFile is the file of a SQLite database. SQLite itself goes on writing
// to a file that was removed or moved away, and everything written is lost.
type sqliteFile struct {
	path string
	// opened is the file as the first connection found or made it; nil before.
	opened atomic.Pointer[os.FileInfo]
}

// seen reports whether a connection has been opened.
func (f *sqliteFile) seen() bool { return f.opened.Load() != nil }

// see remembers the file of the first connection.
func (f *sqliteFile) see() error {
	if f.seen() {
		return nil
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	f.opened.CompareAndSwap(nil, &info)
	return nil
}

// check reports ErrUnavailable while the file is not at its place. When it
// comes back, all is well again. Another file in its place is refused for
// good: what this process has read and written is not in it, so only a restart
// may take it.
func (f *sqliteFile) check() error {
	opened := f.opened.Load()
	if opened == nil {
		return nil
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if !os.SameFile(*opened, info) {
		return fmt.Errorf("%w: %s is another file than at the start; restart to use it", ErrUnavailable, f.path)
	}
	return nil
}
