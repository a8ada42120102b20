package sqlstore

import "context"

// durability is what a commit waits for.
type durability string

// The two durabilities, by what SQLite calls them.
const (
	// synced waits until the commit is on the disk.
	synced durability = "FULL"
	// unsynced leaves that to a later commit.
	unsynced durability = "NORMAL"
)

type durabilityKey struct{}

// withDurability tells the connection that begins a transaction how it is to
// commit: database/sql passes nothing else on to it.
func withDurability(ctx context.Context, commit durability) context.Context {
	if commit == synced {
		return ctx
	}
	return context.WithValue(ctx, durabilityKey{}, commit)
}

func durabilityOf(ctx context.Context) durability {
	if commit, given := ctx.Value(durabilityKey{}).(durability); given {
		return commit
	}
	return synced
}
