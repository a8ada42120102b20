// Package conditional lets a client say at which version of a row its request
// is meant (RFC 9110, section 13), so that two writers who have both read the
// same version do not overwrite each other, and a reader is not sent what it
// has.
//
// A row's version is 1 when it is created and rises with every change; 0 is a
// row that does not exist. Its entity tag is the version in quotes ([ETag]). A
// [Condition] is what a request demands of the version:
//
//   - [Condition.CheckWrite] belongs into the transaction of the write, beside
//     the read of the version: checked anywhere else it protects nothing;
//   - [Condition.CheckRead] tells a reader's 200 from its 304.
//
// Conditions on times are not read: rows have versions, and RFC 9110 has the
// former ignored where there is no modification date.
package conditional

import (
	"slices"

	"orderflow/internal/problem"
)

// Condition is what a request demands of the version of the row that it names.
// The zero value demands nothing.
type Condition struct {
	demand demand
	// versions belong to oneOf and noneOf; noVersion stands for each tag that
	// no version has.
	versions []int64
}

type demand int

const (
	nothing demand = iota
	present        // If-Match: *
	oneOf          // If-Match: a list
	absent         // If-None-Match: *
	noneOf         // If-None-Match: a list
)

// noVersion is the version of a row that does not exist.
const noVersion int64 = 0

// IfVersion demands that the row still has the version that the caller has
// read.
func IfVersion(version int64) Condition {
	return Condition{demand: oneOf, versions: []int64{version}}
}

// IfAbsent demands that the row does not exist yet.
func IfAbsent() Condition { return Condition{demand: absent} }

// CheckWrite returns problem.PreconditionFailed when a row of this version, 0
// for none, must not be written. Call it in the transaction of the write.
//
// RFC 9110, section 13.1.1, would allow to answer success when the row holds
// the request's content already. That is no proof that this writer wrote it:
// two writers who add one to the same figure send equal content, and one of
// the additions would be lost.
func (c Condition) CheckWrite(version int64) error {
	if c.holds(version) {
		return nil
	}
	return c.failed(version)
}

// CheckRead reports whether the reader has the row in this version already, so
// that 304 is all it needs. The error is problem.PreconditionFailed: the
// reader wants another version than there is.
func (c Condition) CheckRead(version int64) (unchanged bool, err error) {
	switch {
	case c.holds(version):
		return false, nil
	case c.demand == absent, c.demand == noneOf:
		return true, nil
	default:
		return false, c.failed(version)
	}
}

func (c Condition) holds(version int64) bool {
	named := version != noVersion && slices.Contains(c.versions, version)
	switch c.demand {
	case present:
		return version != noVersion
	case oneOf:
		return named
	case absent:
		return version == noVersion
	case noneOf:
		return !named
	case nothing:
	}
	return true
}

func (c Condition) failed(version int64) error {
	switch {
	case version == noVersion:
		return problem.New(problem.PreconditionFailed, "there is nothing yet that If-Match could match")
	case c.demand == oneOf:
		return problem.New(problem.PreconditionFailed, "it has changed: its version is none of those in If-Match")
	case c.demand == absent:
		return problem.New(problem.PreconditionFailed, "it exists already")
	default:
		return problem.New(problem.PreconditionFailed, "its version is one of those in If-None-Match")
	}
}
