// Package failpoint breaks a process at a named place in the life of one
// request: before its handler, between the work and the commit of one of its
// transactions, or after everything was committed and before the answer leaves.
// Of work that comes in no request, such as a projector's or an activity's, a
// request says what is to happen to it.
//
// The request says so itself, in the header [Header]: "commit#2=kill" ends the
// process inside the request's second transaction. So a fault test that stands
// between two processes picks the one call that it aims at, and the fault
// happens once by nature. A process acts on the header only when its chassis was
// told to, with a setting that is refused where strangers could send requests.
// Without it there is no handler, and a commit costs one look into its context.
//
// The idea is that of FreeBSD's fail(9) and its descendants, with a request in
// place of a global name.
//
// It is not for faults that can be made from outside: those of the network and
// of processes that are in no particular place.
package failpoint
