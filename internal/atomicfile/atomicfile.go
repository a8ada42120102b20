// Package atomicfile writes whole files that other processes read, or write, at
// the same time: nobody ever sees a part of one. It is for small files such as
// keys and certificates, written rarely; it is not for data (see sqlstore), and
// it does not keep two changes of one file apart (see filelock).
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace puts content in the place of the file at path, which need not be
// there, under the permissions of mode. Whoever reads meanwhile gets the old
// content or the new one; after an error the old one stays. The folder must
// exist. The content is on disk when Replace returns.
func Replace(path string, content []byte, mode fs.FileMode) error {
	return through(path, content, mode, func(temporary string) error { return os.Rename(temporary, path) })
}

// Create makes the file at path unless there is one, which created = false says.
// Processes that do so at once agree on the file of one of them. Otherwise it is
// as Replace.
func Create(path string, content []byte, mode fs.FileMode) (created bool, err error) {
	if _, err := os.Lstat(path); err == nil {
		return false, nil
	}
	err = through(path, content, mode, func(temporary string) error {
		// Unlike a rename, a hard link fails where there is a file.
		return errors.Join(os.Link(temporary, path), os.Remove(temporary))
	})
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// through writes the content beside path and hands it on to place, which takes
// the file away. What is left of it after an error is removed.
func through(path string, content []byte, mode fs.FileMode, place func(temporary string) error) error {
	// The file is made with mode 0600: nobody reads it before it has its own.
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err == nil {
		err = place(file.Name())
	}
	if err == nil {
		return nil
	}
	if left := os.Remove(file.Name()); !errors.Is(left, fs.ErrNotExist) {
		err = errors.Join(err, left)
	}
	return err
}
