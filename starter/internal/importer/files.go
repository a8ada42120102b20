package importer

import (
	"errors"
	"fmt"
	"io"
	"os"

	"orderflow/starter/internal/dataset"
)

// UnknownTotal is the number of lines of files that can be read only once,
// such as pipes.
const UnknownTotal = -1

// File is one open input.
type File struct {
	// Name stands in messages.
	Name    string
	Content io.Reader
	// Lines is how many lines it has that are not blank, or UnknownTotal.
	Lines int
}

// Open opens all files, or none: an error means that nothing is left open. It
// reads regular files once to count their lines.
func Open(paths []string) (files []File, closeAll func() error, err error) {
	var opened []*os.File
	closeAll = func() error {
		var err error
		for _, file := range opened {
			err = errors.Join(err, file.Close())
		}
		return err
	}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		opened = append(opened, file)
		lines, err := countLines(file)
		if err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		files = append(files, File{Name: path, Content: file, Lines: lines})
	}
	return files, closeAll, nil
}

func countLines(file *os.File) (int, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if info.IsDir() {
		return 0, fmt.Errorf("%s is a folder", file.Name())
	}
	if !info.Mode().IsRegular() {
		return UnknownTotal, nil
	}
	lines, err := dataset.Count(file)
	if err != nil {
		return 0, fmt.Errorf("counting the lines of %s: %w", file.Name(), err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, fmt.Errorf("going back to the beginning of %s: %w", file.Name(), err)
	}
	return lines, nil
}

// TotalLines adds up the lines of all files; UnknownTotal when it is not known
// of one of them.
func TotalLines(files []File) int {
	total := 0
	for _, file := range files {
		if file.Lines == UnknownTotal {
			return UnknownTotal
		}
		total += file.Lines
	}
	return total
}
