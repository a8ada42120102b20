package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"orderflow/internal/devstack"
)

// CopyPrograms puts the product's programs into a folder of the run's own: the
// supervisor starts them again and again, and the sources may change meanwhile.
func CopyPrograms(ctx context.Context, root, folder string) error {
	built, err := devstack.Build(ctx, root)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(built)
	if err != nil {
		return fmt.Errorf("copying the programs: %w", err)
	}
	for _, entry := range entries {
		if err := copyProgram(filepath.Join(built, entry.Name()), filepath.Join(folder, entry.Name())); err != nil {
			return fmt.Errorf("copying the programs: %w", err)
		}
	}
	return nil
}

func copyProgram(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
