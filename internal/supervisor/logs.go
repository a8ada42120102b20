package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// maxLogFile is the size at which a log file is set aside as NAME.log.old.
	maxLogFile = 64 << 20
	// burst and burstWindow bound what one process may print on the terminal,
	// so that a flood of equal warnings does not hide the others.
	burst       = 10
	burstWindow = 10 * time.Second
)

// LogConfig says where the output of the processes goes.
type LogConfig struct {
	// Dir receives everything, one file NAME.log per process; "" means none.
	// It must exist.
	Dir string
	// Terminal receives lines from Show on, in a short form, with the
	// process's name before each; nil means none. It gets one Write per line.
	Terminal io.Writer
	// Color marks the names with terminal colours.
	Color bool
	// Show is the least level for the terminal; Text shows everything. Lines
	// without a level are shown too, except those of a process with OnlyErrors.
	Show Level
}

// Logs writes the lines of processes to files and to a terminal.
type Logs struct {
	cfg LogConfig

	mu    sync.Mutex
	files map[string]*logFile
	shown map[string]*shown
	muted bool
}

// shown counts what a process has printed on the terminal lately.
type shown struct {
	since time.Time
	lines int
}

// NewLogs returns Logs. Close it when the processes have ended.
func NewLogs(cfg LogConfig) *Logs {
	return &Logs{cfg: cfg, files: map[string]*logFile{}, shown: map[string]*shown{}}
}

// Mute keeps all further lines out of the terminal. While a system stops, its
// parts complain about each other; that is of no use to a reader.
func (l *Logs) Mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.muted = true
}

// Path is the log file of a process; "" when there are no files.
func (l *Logs) Path(name string) string {
	if l.cfg.Dir == "" {
		return ""
	}
	return filepath.Join(l.cfg.Dir, name+".log")
}

// Close closes the files.
func (l *Logs) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for name, file := range l.files {
		errs = append(errs, file.close())
		delete(l.files, name)
	}
	return errors.Join(errs...)
}

// line writes one line of a process. An error of a log file must not stop the
// process, so it goes to the terminal.
func (l *Logs) line(name string, onlyErrors bool, line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cfg.Dir != "" {
		if err := l.writeFile(name, line); err != nil {
			l.show(name, fmt.Appendf(nil, "cannot write the log file: %v", err))
		}
	}
	if l.wanted(levelOf(line), onlyErrors) {
		l.show(name, line)
	}
}

func (l *Logs) wanted(level Level, onlyErrors bool) bool {
	switch {
	case l.cfg.Show == Text:
		return true
	case onlyErrors:
		return level == Error
	default:
		return level == Text || level >= l.cfg.Show
	}
}

func (l *Logs) show(name string, line []byte) {
	if l.cfg.Terminal == nil || l.muted {
		return
	}
	count := l.shown[name]
	if count == nil || time.Since(count.since) > burstWindow {
		count = &shown{since: time.Now()}
		l.shown[name] = count
	}
	count.lines++
	switch {
	case l.cfg.Show == Text, count.lines <= burst:
	case count.lines == burst+1:
		line = []byte("… and more")
		if path := l.Path(name); path != "" {
			line = append(line, ", see "+path...)
		}
	default:
		return
	}
	// A terminal that has gone is no reason to stop a child.
	_, _ = l.cfg.Terminal.Write(slices.Concat(l.prefix(name), render(line), []byte{'\n'}))
}

// prefix is the name in a column of its own.
func (l *Logs) prefix(name string) []byte {
	const column = "%-14s │ "
	if !l.cfg.Color {
		return fmt.Appendf(nil, column, name)
	}
	hash := fnv.New32a()
	hash.Write([]byte(name))
	color := 31 + hash.Sum32()%6 // red to cyan
	return fmt.Appendf(nil, "\x1b[%dm"+column+"\x1b[0m", color, name)
}

func (l *Logs) writeFile(name string, line []byte) error {
	file := l.files[name]
	if file == nil {
		var err error
		if file, err = openLogFile(l.Path(name)); err != nil {
			return err
		}
		l.files[name] = file
	}
	return file.writeLine(line)
}

// logFile is a file that is set aside when it has become too large.
type logFile struct {
	file *os.File
	size int64
}

func openLogFile(path string) (*logFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &logFile{file: file, size: info.Size()}, nil
}

func (f *logFile) writeLine(line []byte) error {
	if f.size+int64(len(line)) > maxLogFile {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(append(bytes.Clone(line), '\n'))
	f.size += int64(n)
	return err
}

func (f *logFile) rotate() error {
	path := f.file.Name()
	if err := f.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(path, path+".old"); err != nil {
		return err
	}
	fresh, err := openLogFile(path)
	if err != nil {
		return err
	}
	*f = *fresh
	return nil
}

func (f *logFile) close() error { return f.file.Close() }
