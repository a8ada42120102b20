package chaos

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// smallDiskSize is ample for the databases of a run.
const smallDiskSize = 256 << 20

// Disk is a small file system that can be filled.
type Disk struct{ folder string }

// NewDisk returns the disk of which the folder is the root.
func NewDisk(folder string) *Disk { return &Disk{folder} }

// Folder is for the databases.
func (d *Disk) Folder() string { return d.folder }

// Fill takes all space that is left.
func (d *Disk) Fill() error {
	file, err := os.Create(d.ballast())
	if err != nil {
		return fmt.Errorf("filling the disk: %w", err)
	}
	// Large pieces first, so that it is quick; then to the last byte.
	for _, size := range []int{1 << 20, 4 << 10, 1} {
		piece := make([]byte, size)
		for err == nil {
			_, err = file.Write(piece)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return errors.Join(fmt.Errorf("filling the disk: %w", err), file.Close())
		}
		err = nil
	}
	return file.Close()
}

// Empty gives the space back.
func (d *Disk) Empty() error {
	if err := os.Remove(d.ballast()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("emptying the disk: %w", err)
	}
	return nil
}

func (d *Disk) ballast() string { return filepath.Join(d.folder, "ballast") }
