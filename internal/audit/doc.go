// Package audit is how a service shows its raw rows to an auditor: the tables
// of its own database, page by page, without interpretation. Whoever checks
// the books derives every figure from these rows and trusts no sum that the
// service has made itself.
//
//	GET /v1/audit                                    the tables
//	GET /v1/audit/{table}?after=CURSOR&limit=N       a page of rows
//	GET /v1/audit/{table}?order=ORDER                the rows of one order
//
// A table's rows come in the order of a key that never changes, so that
// walking through the pages meets every row that was there when the walk
// began exactly once, whatever is written meanwhile. The pages are not one
// snapshot: each is as the table was when that page was read.
//
// This package has the shapes and the client; audittables serves them. It is
// not a query language and not for business reads.
package audit
