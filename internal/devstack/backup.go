package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"orderflow/internal/sqlstore"
)

// Backup copies the SQLite database of every service into a new folder, while
// the system runs or not. Each copy is whole and of one moment, but the moments
// of two services differ: copies fit together for the orders that did not move
// meanwhile, and for all only while none is under way. It returns the services
// that were copied.
//
// A folder that exists, and a data folder without any database, are errors. A
// service on another database has no file here and is left out.
func Backup(ctx context.Context, dataDir, to string) (copied []string, err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the backup: %w", err)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the backup: %w", err)
	}
	for _, service := range Services() {
		from := filepath.Join(dataDir, service+".db")
		// Opening would create it.
		if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := backUp(ctx, from, filepath.Join(to, service+".db")); err != nil {
			return copied, err
		}
		copied = append(copied, service)
	}
	if len(copied) == 0 {
		return nil, errors.Join(fmt.Errorf("there is no service's database in %s", dataDir), os.Remove(to))
	}
	return copied, nil
}

func backUp(ctx context.Context, from, to string) error {
	db, err := sqlstore.Open(ctx, "sqlite:"+from)
	if err != nil {
		return err
	}
	return errors.Join(db.Backup(ctx, to), db.Close())
}
