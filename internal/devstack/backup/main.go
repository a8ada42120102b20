// Command backup is `make backup TO=folder`: a copy of every service's SQLite
// database, also while `make run` serves them.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"orderflow/internal/config"
	"orderflow/internal/devstack"
	"orderflow/internal/lifecycle"
)

type settings struct {
	DataDir string `default:".orderflow" placeholder:"DIR" help:"Data folder of the system."`
	To      string `required:"" placeholder:"DIR" help:"Folder to make for the copies."`
}

// Validate refuses what make passes on when it is called without TO.
func (s *settings) Validate() error {
	if s.To == "" {
		return config.Wrong("to", "name the folder to make: make backup TO=folder")
	}
	return nil
}

func main() {
	var s settings
	config.Parse("backup", "Copies every service's SQLite database.", &s, os.Args[1:])
	ctx, stop := lifecycle.Context()
	err := backup(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "backup:", err)
		os.Exit(1)
	}
}

func backup(ctx context.Context, s settings) error {
	copied, err := devstack.Backup(ctx, s.DataDir, s.To)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "backed up to %s: %s\n", s.To, strings.Join(copied, ", "))
	return nil
}
