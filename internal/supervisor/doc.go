// Package supervisor runs the processes of one system on one machine: it starts
// them in order of need, waits until each is ready, restarts what ends by
// itself, forwards what they print, and stops them in reverse order.
//
// A [Supervisor] is what `make run` serves with and what the fault test drives:
// [Supervisor.Kill] ends a process, [Supervisor.KeepDown] also puts off its
// successor, [Supervisor.WaitReady] waits until the successor is ready.
// Everything that a caller may want to wait for is a condition on a [Status]
// ([Supervisor.Wait]), so nobody needs to sleep.
//
// No process is left behind. Each child leads a process group of its own, which
// is killed when the child has ended or its grace is over. On Linux the children
// are killed by the kernel when the supervisor itself is; elsewhere a SIGKILL of
// the supervisor leaves them.
//
// It is not an init system for production: it watches exits, not health, and
// keeps no state.
package supervisor
