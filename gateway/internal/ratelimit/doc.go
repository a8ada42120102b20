// Package ratelimit bounds how many requests one principal may make: by the
// generic cell rate algorithm (GCRA), with a steady rate and a burst. Who has
// no valid token is counted by network address, in this process only: a stranger
// shall cost nothing that customers share. All requests of a principal
// share one budget; those that change something may need another one besides.
//
// The counts are in this process, or, for gateways that stand beside each
// other, in PostgreSQL ([Shared]), where all of them count against one budget.
// Who is over the limit is refused from memory until the next request could be
// allowed. While the shared counts cannot be had, writes are refused; reads are counted
// in this process alone.
//
// It is not a protection against many senders at once; that is load shedding.
package ratelimit
