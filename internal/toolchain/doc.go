// Package toolchain finds or builds the programs that the project needs but
// does not contain: the Temporal server, the Consul agent, the linter. It also
// builds the project's own programs for `make run`.
//
// The version of each tool stands in one place, tools/NAME/go.mod, and its
// source is verified by that folder's go.sum. A tool is, in this order: the
// program that a setting names; one on PATH that is of exactly that version;
// one that was built before; one that is built now, into .tools/bin, where the
// file's name holds version and platform. Builds of one tool by several
// processes wait for each other.
//
// The package asks nothing of the machine but the Go command, and depends on
// nobody's GOFLAGS or workspace. It is not for the shipped product: images are
// built by the Dockerfile.
package toolchain
