package supervisor

import (
	"context"
	"errors"
	"os/exec"
	"time"
)

// DefaultGrace is how long a process may take to end after SIGTERM.
const DefaultGrace = 5 * time.Second

// Process describes a child process that is to be kept running.
type Process struct {
	// Name is unique within the supervisor, and the name of its log file.
	Name string
	// Command says what to run. It is called before every start, so that a
	// restart can choose, for example, other free ports. An error counts as a
	// failed start.
	Command func() (Command, error)
	// Ready is polled after each start until it returns nil; its context
	// bounds one call. Nil means: ready as soon as it runs.
	Ready func(ctx context.Context) error
	// Needs names the processes that must have been ready once before this
	// one is first started, and that are stopped only after it. They must
	// have been added before, so there are no cycles.
	Needs []string
	// Grace is the time from SIGTERM to SIGKILL; 0 means DefaultGrace.
	Grace time.Duration
	// HopelessExit is the exit code with which the process says that another
	// attempt at its first start cannot help, such as for a wrong setting; 0
	// means that there is none.
	HopelessExit int
	// OnlyErrors keeps what is less than an error out of the terminal, and
	// lines without a level too. It is for servers that others have written:
	// their banners and warnings tell the user of this system nothing. All of
	// it still goes to the log file.
	OnlyErrors bool
}

// Command is one program with its arguments.
type Command struct {
	Path string
	Args []string // without the program's name
	Env  []string // "KEY=value"; nil means the environment of this process
	Dir  string   // "" means the working folder of this process
}

// Fixed is a Process.Command that is the same at every start.
func Fixed(c Command) func() (Command, error) {
	return func() (Command, error) { return c, nil }
}

func (p Process) validate() error {
	switch {
	case p.Name == "":
		return errors.New("process has no name")
	case p.Command == nil:
		return errors.New("process has no command")
	case p.Grace < 0:
		return errors.New("grace is negative")
	}
	return nil
}

func (p Process) hopeless(err error) bool {
	var exit *exec.ExitError
	return p.HopelessExit != 0 && errors.As(err, &exit) && exit.ExitCode() == p.HopelessExit
}

func (p Process) grace() time.Duration {
	if p.Grace == 0 {
		return DefaultGrace
	}
	return p.Grace
}
