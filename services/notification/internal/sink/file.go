package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// File appends messages to a file as JSON Lines: one object a line. A message
// counts as delivered once its line is on the disk. The file is not rotated.
//
// A crash or a full disk can leave a line without its end. It is closed before
// the next one, and its message comes again; a reader skips what is no JSON.
type File struct {
	mu   sync.Mutex
	file *os.File
}

// OpenFile opens the file, creating it and its folder where there is none.
// Only the file's owner can read it.
func OpenFile(path string) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("creating the sink's folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the sink: %w", err)
	}
	return &File{file: file}, nil
}

// Deliver writes all messages at once: they are delivered together, or fail
// together.
func (f *File) Deliver(_ context.Context, messages []Message) []error {
	results := make([]error, len(messages))
	if err := f.append(messages); err != nil {
		fill(results, err)
	}
	return results
}

func (f *File) append(messages []Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines bytes.Buffer
	torn, err := f.endsInsideALine()
	if err != nil {
		return fmt.Errorf("looking at the sink's end: %w", err)
	}
	if torn {
		lines.WriteByte('\n')
	}
	encoder := json.NewEncoder(&lines)
	for _, message := range messages {
		if err := encoder.Encode(message); err != nil {
			return fmt.Errorf("writing message %s as JSON: %w", message.ID, err)
		}
	}
	if _, err := f.file.Write(lines.Bytes()); err != nil {
		return fmt.Errorf("writing to the sink: %w", err)
	}
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("bringing the sink to the disk: %w", err)
	}
	return nil
}

func (f *File) endsInsideALine() (bool, error) {
	info, err := f.file.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	if _, err := f.file.ReadAt(last, info.Size()-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}

// Close closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.file.Close(); err != nil {
		return fmt.Errorf("closing the sink: %w", err)
	}
	return nil
}
