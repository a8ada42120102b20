package sqlstore

import (
	"embed"
	"io/fs"
)

// EmbeddedSchema returns the schema of this name whose migrations are compiled
// in, in the folder "migrations" of the package that embeds them.
func EmbeddedSchema(name string, files embed.FS) Schema {
	root, err := fs.Sub(files, "migrations")
	if err != nil {
		// The name of the folder is a valid one, which is all that Sub asks.
		panic(err)
	}
	return Schema{Name: name, Migrations: root}
}
