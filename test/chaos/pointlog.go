package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"orderflow/internal/faults/failpoint"
)

// PointLog knows which fail points the processes have come to: they say so in
// their logs, before they act. It reads each log once, as it grows.
type PointLog struct {
	folder string

	mu    sync.Mutex
	read  map[string]int64 // how far, by file
	names map[string]bool
}

// NewPointLog returns one for the logs in a folder.
func NewPointLog(folder string) *PointLog {
	return &PointLog{folder: folder, read: map[string]int64{}, names: map[string]bool{}}
}

const (
	// saidWithin is how long a line may be on its way into its log.
	saidWithin = time.Second
	saidPoll   = 25 * time.Millisecond
)

// Reached waits until a process has come to the point of the name, as long as
// ctx lasts, and reports whether one has. A log that cannot be read has no
// points.
func (p *PointLog) Reached(ctx context.Context, name string) bool {
	for {
		if p.has(name) {
			return true
		}
		select {
		case <-time.After(saidPoll):
		case <-ctx.Done():
			return p.has(name)
		}
	}
}

// ReachedBefore is Reached for a point that a process has come to already, if it
// ever does.
func (p *PointLog) ReachedBefore(name string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), saidWithin)
	defer cancel()
	return p.Reached(ctx, name)
}

func (p *PointLog) has(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.names[name] {
		files, _ := filepath.Glob(filepath.Join(p.folder, "*.log")) // the pattern is good
		for _, file := range files {
			p.readOn(file)
		}
	}
	return p.names[name]
}

// readOn reads the whole lines that a log has got since.
func (p *PointLog) readOn(path string) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || info.Size() < p.read[path] {
		p.read[path] = 0 // a full log was set aside, and this is a new one
	}
	text, err := io.ReadAll(io.NewSectionReader(file, p.read[path], 1<<40))
	if err != nil {
		return
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	p.read[path] += int64(len(text))
	for line := range bytes.Lines(text) {
		var entry struct{ FailPoint string }
		if !bytes.Contains(line, []byte(failpoint.Reached)) || json.Unmarshal(line, &entry) != nil {
			continue
		}
		if point, err := failpoint.Parse(entry.FailPoint); err == nil {
			p.names[point.Name] = true
		}
	}
}
