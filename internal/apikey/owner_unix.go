//go:build unix

package apikey

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives the file at path to the owner and the group of the one before.
// Only root may give files away; others keep a group that they belong to, and
// that they may not is no error.
func keepOwner(path string, before fs.FileInfo) error {
	was, known := before.Sys().(*syscall.Stat_t)
	if !known {
		return nil
	}
	for _, owner := range [][2]int{{-1, int(was.Gid)}, {int(was.Uid), -1}} {
		if err := os.Lchown(path, owner[0], owner[1]); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}
