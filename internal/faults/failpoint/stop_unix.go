//go:build unix

package failpoint

import "syscall"

const stopSignal = syscall.SIGSTOP
