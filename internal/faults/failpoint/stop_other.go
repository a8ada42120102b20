//go:build !unix

package failpoint

import "syscall"

// stopSignal is one that procgroup refuses here: there is none that stops.
const stopSignal = syscall.SIGTERM
