// Command scale is `make scale WORKERS=n`: more or fewer workers for the system
// that `make run` serves.
package main

import (
	"context"
	"fmt"
	"os"

	"orderflow/internal/config"
	"orderflow/internal/devstack"
	"orderflow/internal/lifecycle"
)

type settings struct {
	DataDir string `default:".orderflow" placeholder:"DIR" help:"Data folder of the running system."`
	Workers int    `required:"" min:"1" max:"64" help:"How many worker processes there shall be."`
}

func main() {
	var s settings
	config.Parse("scale", "Changes the number of workers of the system that make run serves.", &s, os.Args[1:])
	ctx, stop := lifecycle.Context()
	err := scale(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func scale(ctx context.Context, s settings) error {
	before, err := devstack.Scale(ctx, s.DataDir, s.Workers)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "workers: %d, before: %d\n", s.Workers, before)
	return nil
}
