package chassis

import (
	"context"
	"os"

	"orderflow/internal/config"
	"orderflow/internal/lifecycle"
	"orderflow/internal/telemetry"
)

// exitFailed is the exit code of a process that could not start, or not go on.
const exitFailed = 1

// Program is what a service's main function says of it.
type Program struct {
	// Name is the service's: in discovery, in logs and before a wrong setting.
	Name string
	// Version is what the linker has set; see Run.
	Version string
	// Description is one sentence for the help.
	Description string
}

// Settings is a pointer to a struct that embeds Config.
type Settings interface{ chassis() Config }

func (c Config) chassis() Config { return c }

// Main is a service's main function: it reads the settings from the command
// line and the environment, runs what build makes until SIGINT or SIGTERM, and
// returns. After a failure, which Run has logged, it ends the process with exit
// code 1; see config.Parse for the codes of a wrong setting and of the help.
//
// The settings are complete when build is called.
func Main(program Program, settings Settings, build func(context.Context, *telemetry.Telemetry) (Parts, error)) {
	config.Parse(program.Name, program.Description, settings, os.Args[1:])
	ctx, stop := lifecycle.Context()
	err := Run(ctx, program.Name, program.Version, settings.chassis(), build)
	stop()
	if err != nil {
		os.Exit(exitFailed)
	}
}
