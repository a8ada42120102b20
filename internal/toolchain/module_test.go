package toolchain_test

import (
	"io"
	"io/fs"
	"strings"
	"time"
)

// sourceFile is a file of a module archive that exists in memory only.
type sourceFile struct{ name, text string }

func (f sourceFile) Path() string                 { return f.name }
func (f sourceFile) Lstat() (fs.FileInfo, error)  { return fileInfo(f), nil }
func (f sourceFile) Open() (io.ReadCloser, error) { return readCloser{strings.NewReader(f.text)}, nil }

type readCloser struct{ io.Reader }

func (readCloser) Close() error { return nil }

type fileInfo sourceFile

func (f fileInfo) Name() string     { return f.name }
func (f fileInfo) Size() int64      { return int64(len(f.text)) }
func (fileInfo) Mode() fs.FileMode  { return 0o644 }
func (fileInfo) ModTime() time.Time { return time.Time{} }
func (fileInfo) IsDir() bool        { return false }
func (fileInfo) Sys() any           { return nil }
