package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"orderflow/starter/internal/importer"
	"orderflow/starter/internal/progress"
)

type importCommand struct {
	Files       []string      `arg:"" name:"file" help:"Files of JSON Lines, in the order in which they take effect."`
	Stock       string        `enum:"on-hand,demand" default:"on-hand" help:"What becomes a product's first stock, where it has none: ${enum}."`
	Concurrency int           `default:"32" min:"1" max:"1000" help:"How many lines are in flight at once."`
	Deadline    time.Duration `default:"10m" min:"1s" help:"How long one line may take, over all attempts."`
	JSON        bool          `name:"json" help:"Print the summary as JSON."`
}

// Run imports the files and prints the summary.
func (c *importCommand) Run(ctx context.Context, s *session) error {
	files, closeFiles, err := importer.Open(c.Files)
	if err != nil {
		return usage("%v", err)
	}
	gateway, err := s.gateway(adminSubject, adminScope, c.Concurrency)
	if err != nil {
		return errors.Join(err, closeFiles())
	}
	defer gateway.Close()

	display := progress.New(s.stderr, isTerminal(s.stderr), importer.TotalLines(files))
	summary, err := importer.Run(ctx, importer.Config{
		Gateway:        gateway,
		Stock:          importer.StockFigure(c.Stock),
		Concurrency:    c.Concurrency,
		Deadline:       c.Deadline,
		ConnectTimeout: connectTimeout,
		Backoff:        s.backoff,
		Progress:       display,
	}, files)
	display.Close()
	err = errors.Join(err, closeFiles())
	if printErr := c.print(s.stdout, summary); printErr != nil {
		return errors.Join(err, fmt.Errorf("printing the summary: %w", printErr))
	}
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(s.stderr, "stopped; to go on, run it again (nothing is placed twice): %s\n", s.again())
		return silently(exitInterrupted)
	case err != nil:
		return err
	case !summary.Complete():
		return silently(exitNotAsWished)
	}
	return nil
}

func (c *importCommand) print(w io.Writer, summary importer.Summary) error {
	if !c.JSON {
		return summary.WriteText(w)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(summary)
}

// again is the command that was run, ready to paste. A token is left out.
func (s *session) again() string {
	words := []string{"go", "run", "./starter"}
	for i := 0; i < len(s.args); i++ {
		arg := s.args[i]
		if arg == "--token" {
			i++
			continue
		}
		if strings.HasPrefix(arg, "--token=") {
			continue
		}
		words = append(words, shellQuote(arg))
	}
	return strings.Join(words, " ")
}

// isTerminal reports whether a bar can be drawn on w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}
