package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// EnvPrefix begins the name of every environment variable.
const EnvPrefix = "ORDERFLOW_"

// exitUsage is the exit code for a wrong setting.
const exitUsage = 2

// ErrHelp says that the help was asked for and printed. The process should end
// with exit code 0.
var ErrHelp = errors.New("help was printed")

// ErrChecked says that the settings were to be checked only, and are right. The
// process should end with exit code 0.
var ErrChecked = errors.New("the settings are right")

// CheckFlag makes a program check its settings and end, with the exit code that
// a start with wrong ones would have had. Nothing is opened: whether files can be
// read, ports be had and others be reached, only a start finds out. It has no environment variable: that would end every
// program that inherits it.
const CheckFlag = "--check-settings"

// checking is the flag, which every program has.
type checking struct {
	CheckSettings bool `help:"Check the settings and end, with exit code 0 when they are right."`
}

// SettingError says what is wrong with one setting.
type SettingError struct {
	// Flag is the flag without dashes, such as "consul-addr".
	Flag string
	// Reason is the rest of the sentence.
	Reason string
}

// Error names the setting by flag and environment variable.
func (e *SettingError) Error() string {
	return fmt.Sprintf("setting --%s (%s): %s", e.Flag, envName(e.Flag), e.Reason)
}

// Wrong makes the error of a Validate method: flag is the whole name, with the
// prefix of the group; the reason is formatted as by fmt.Sprintf.
func Wrong(flag, format string, args ...any) error {
	return &SettingError{Flag: flag, Reason: fmt.Sprintf(format, args...)}
}

// Parse fills cfg, a pointer to a struct, from args (without the program's
// name) and the environment. On a wrong value it prints one line and ends the
// process with exit code 2; with --help it prints the help and ends it with 0.
// The result serves programs that have subcommands; others ignore it.
func Parse(name, description string, cfg any, args []string) *kong.Context {
	parsed, err := Load(name, description, cfg, args, os.LookupEnv, os.Stdout)
	switch {
	case errors.Is(err, ErrHelp), errors.Is(err, ErrChecked):
		os.Exit(0)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
	return parsed
}

// Load does what Parse does, without touching the process: the environment is
// looked up with lookup and the help goes to stdout. The error is one line
// "NAME: what is wrong", with a *SettingError inside where it belongs to one
// setting, or ErrHelp or ErrChecked.
func Load(name, description string, cfg any, args []string,
	lookup func(string) (string, bool), stdout io.Writer,
) (*kong.Context, error) {
	helped, only := false, checking{}
	parser, err := kong.New(cfg,
		kong.Embed(&only),
		kong.Name(name),
		kong.Description(description),
		kong.Vars{"program": name},
		kong.Writers(stdout, io.Discard),
		kong.Exit(func(int) { helped = true }),
		kong.NamedMapper("address", kong.MapperFunc(decodeAddress)),
		kong.NamedMapper("listen", kong.MapperFunc(decodeListen)),
		kong.NamedMapper("httpurl", kong.MapperFunc(decodeHTTPURL)),
		kong.NamedMapper("size", kong.MapperFunc(decodeSize)),
		kong.ValueFormatter(helpWithEnv),
		kong.Resolvers(environment{lookup}),
		kong.PostBuild(checkEveryValue),
	)
	if err != nil {
		return nil, fmt.Errorf("%s: reading the description of the settings: %w", name, err)
	}
	parsed, err := parser.Parse(args)
	if helped {
		return nil, ErrHelp
	}
	if err != nil {
		var setting *SettingError
		if errors.As(err, &setting) {
			err = setting
		}
		return nil, fmt.Errorf("%s: %w", name, oneLineError{err})
	}
	if only.CheckSettings {
		return nil, ErrChecked
	}
	return parsed, nil
}

// oneLineError keeps an error from spreading over several lines.
type oneLineError struct{ err error }

func (o oneLineError) Error() string { return strings.Join(strings.Fields(o.err.Error()), " ") }
func (o oneLineError) Unwrap() error { return o.err }

func envName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(flag))
}

// environment resolves flags that were not given. Kong can read the
// environment itself, but only the real one, and its errors quote the value,
// which may be a secret.
type environment struct {
	lookup func(string) (string, bool)
}

var _ kong.Resolver = environment{}

func (e environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !hasVariable(flag) {
		return nil, nil
	}
	if value, ok := e.lookup(envName(flag.Name)); ok && value != "" {
		return value, nil
	}
	return nil, nil
}

// Validate runs before kong's own check for missing flags, whose message does
// not name the environment variable.
func (e environment) Validate(app *kong.Application) error {
	for _, flag := range app.Flags {
		if flag.Required && !flag.Set {
			return Wrong(flag.Name, "is required")
		}
	}
	return nil
}

// hasVariable reports whether a flag is a setting. The others are about this one
// call of the program.
func hasVariable(flag *kong.Flag) bool {
	return flag.Name != "help" && "--"+flag.Name != CheckFlag
}

func helpWithEnv(value *kong.Value) string {
	if value.Flag == nil || !hasVariable(value.Flag) {
		return value.Help
	}
	return strings.TrimSpace(value.Help + " [" + envName(value.Name) + "]")
}
