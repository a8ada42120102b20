//go:build !unix

package filelock

import "os"

// lockFile excludes nobody: these systems have no flock(2).
func lockFile(*os.File) error { return nil }
