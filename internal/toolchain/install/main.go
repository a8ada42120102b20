// Command install builds the development tools that the project needs, unless
// they are there, and prints the path of each on standard output. Without
// arguments it does so for Temporal and Consul.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/term"

	"orderflow/internal/config"
	"orderflow/internal/lifecycle"
	"orderflow/internal/toolchain"
)

type settings struct {
	Tools []string `arg:"" optional:"" name:"tool" enum:"temporal,consul,golangci-lint" help:"Which tools: ${enum}. Without any: temporal and consul."`

	TemporalBin string `help:"Temporal program to use instead of ours."`
	ConsulBin   string `help:"Consul program to use instead of ours."`
}

func (s settings) explicit(tool toolchain.Tool) string {
	switch tool.Name {
	case toolchain.Temporal.Name:
		return s.TemporalBin
	case toolchain.Consul.Name:
		return s.ConsulBin
	default:
		return ""
	}
}

func main() {
	var s settings
	config.Parse("install", "Finds or builds the development tools, and prints their paths.", &s, os.Args[1:])
	ctx, stop := lifecycle.Context()
	err := run(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	root, err := toolchain.ProjectRoot(".")
	if err != nil {
		return err
	}
	printer := toolchain.NewPrinter(os.Stderr, term.IsTerminal(int(os.Stderr.Fd())))
	finder := toolchain.Finder{Root: root, Report: printer.Show}
	names := s.Tools
	if len(names) == 0 {
		names = []string{toolchain.Temporal.Name, toolchain.Consul.Name}
	}
	for _, tool := range toolchain.Tools() {
		if !slices.Contains(names, tool.Name) {
			continue
		}
		path, err := finder.Find(ctx, tool, s.explicit(tool))
		if err != nil {
			printer.Interrupted()
			if errors.Is(err, context.Canceled) {
				return errors.New("stopped")
			}
			return err
		}
		fmt.Fprintln(os.Stdout, path)
	}
	return nil
}
