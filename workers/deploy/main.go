// Command deploy brings a new version of the workers into service: it waits
// for the version's workers, makes the version current, moves the orders that
// wait for somebody to it, and lists the versions, so that it shows which
// workers may stop.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"orderflow/internal/config"
	"orderflow/internal/lifecycle"
	"orderflow/internal/payloadcodec"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/workers/internal/deployment"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

type settings struct {
	Temporal config.Temporal `embed:"" prefix:"temporal-"`

	Deployment string        `default:"orderflow" placeholder:"NAME" help:"Worker deployment."`
	BuildID    string        `name:"build-id" placeholder:"VERSION" help:"Version to deploy; by default the one that this program was built as."`
	Ramp       int           `default:"100" min:"0" max:"100" help:"Percentage of new orders that begin on the version; less than 100 leaves the current version current."`
	Move       bool          `default:"true" negatable:"" help:"Move blocked and held orders of older versions to the one that becomes current."`
	Timeout    time.Duration `default:"5m" min:"1s" max:"1h" help:"How long to wait for workers of the version."`
	List       bool          `help:"Only list the versions; change nothing."`
}

// Validate completes the settings with the version of this program.
func (s *settings) Validate() error {
	if s.List {
		return deployment.ValidateName(s.Deployment)
	}
	s.BuildID = cmp.Or(s.BuildID, version)
	return deployment.Version{Deployment: s.Deployment, BuildID: s.BuildID}.Validate()
}

func main() {
	var s settings
	config.Parse("deploy", "Brings a version of the workers into service, and lists the versions.", &s, os.Args[1:])
	ctx, stop := lifecycle.Context()
	err := run(ctx, s, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out io.Writer) error {
	server, err := temporalclient.Configured(s.Temporal, payloadcodec.Codec{})
	if err != nil {
		return err
	}
	connected, err := temporalclient.Dial(ctx, server, telemetry.Discard())
	if err != nil {
		return err
	}
	defer connected.Close()
	d := deployment.Open(connected, s.Deployment)
	if !s.List {
		if err := deploy(ctx, d, s, out); err != nil {
			return err
		}
	}
	return list(ctx, d, out)
}

func deploy(ctx context.Context, d *deployment.Deployment, s settings, out io.Writer) error {
	waiting, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if err := d.AwaitPollers(waiting, s.BuildID); err != nil {
		return err
	}
	if s.Ramp < 100 {
		return d.Ramp(ctx, s.BuildID, s.Ramp)
	}
	if err := d.MakeCurrent(ctx, s.BuildID); err != nil {
		return err
	}
	if !s.Move {
		return nil
	}
	moved, err := d.MoveWaiting(ctx, s.BuildID)
	for _, order := range moved {
		fmt.Fprintf(out, "moved %s to %s\n", order, s.BuildID)
	}
	return err
}

func list(ctx context.Context, d *deployment.Deployment, out io.Writer) error {
	versions, err := d.Versions(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VERSION\tSTATUS\tOPEN ORDERS\tFIRST SEEN")
	for _, known := range versions {
		status := string(known.Status)
		if known.Status == deployment.StatusRamping {
			status = fmt.Sprintf("%s %d %%", status, known.Ramp)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", known.BuildID, status, known.Open, known.FirstSeen.UTC().Format(time.RFC3339))
	}
	return table.Flush()
}
