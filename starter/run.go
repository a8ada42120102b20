package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"orderflow/internal/config"
	"orderflow/internal/token"
	"orderflow/starter/internal/gatewayclient"
)

// Exit codes.
const (
	exitOK = 0
	// exitNotAsWished is an order that was refused or cancelled, an import with
	// lines that have no answer, a system that breaks a promise, and whatever
	// else went wrong.
	exitNotAsWished = 1
	exitUsage       = 2
	// exitNoAnswer is a gateway that is not reachable or too busy: what was
	// asked for may or may not have happened.
	exitNoAnswer    = 3
	exitInterrupted = 130
)

// process is what a command uses of the process around it.
type process struct {
	args           []string
	lookupEnv      func(name string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
	// backoff spaces attempts; the zero value is right outside tests.
	backoff gatewayclient.Backoff
	// pause is how long verify leaves an order alone that looks wrong; 0 is
	// right outside tests.
	pause time.Duration
}

// commandLine describes every command and setting.
type commandLine struct {
	Settings settings `embed:""`

	Place  placeCommand  `cmd:"" help:"Place one order and say what becomes of it."`
	Watch  watchCommand  `cmd:"" help:"Follow one order until its end."`
	Import importCommand `cmd:"" help:"Import products, customers and orders from files of JSON Lines. It can be stopped and run again: nothing is placed twice."`
	Verify verifyCommand `cmd:"" help:"Check the promises of the running system from its raw rows: money, stock, ends, streams, read model, live effects, compensations, idempotency."`
	Token  tokenCommand  `cmd:"" help:"Make a development token; it is the last line of the output."`
	Demo   demoCommand   `cmd:"" help:"Place three demonstration orders: one ships, one is declined, one is out of stock."`

	APIKey     apiKeyCommand     `cmd:"" name:"api-key" help:"Make an API key for a machine with --subject, take one back with --revoke; otherwise list them."`
	ServiceKey serviceKeyCommand `cmd:"" help:"Make the keys that calls between our own processes are signed with, unless they are there, or replace them; prints the IDs of the keys."`

	ServiceToken serviceTokenCommand `cmd:"" help:"Make a token for calling one service directly, past the gateway; it is the last line of the output."`

	PayloadKey payloadKeyCommand `cmd:"" help:"Make the keyring that payloads in Temporal are encrypted with, unless it is there, or replace its key; prints the IDs of the keys."`
}

const description = `Command-line client of Orderflow. Every flag can also be set by the environment
variable in brackets. Exit codes: 0 all is well; 1 refused, cancelled, not
answered or a broken promise; 2 wrong usage; 3 the gateway does not answer; 130
interrupted.`

// settings are common to all commands.
type settings struct {
	GatewayAddr string `default:"127.0.0.1:8080" placeholder:"ADDRESS" help:"Address of the gateway: host:port, or an http or https URL."`
	DataDir     string `default:"./.orderflow" placeholder:"FOLDER" help:"Folder of the product's data; the development keys are in its folder keys."`
	KeysDir     string `placeholder:"FOLDER" help:"Folder of the development keys, if it is another."`
	Token       string `help:"Token for the gateway, instead of a development token made for the purpose."`
}

// Validate is called when the settings were read.
func (s settings) Validate() error {
	if _, err := gatewayclient.BaseURL(s.GatewayAddr); err != nil {
		return config.Wrong("gateway-addr", "%v", err)
	}
	return nil
}

func (s settings) keys() string {
	if s.KeysDir != "" {
		return s.KeysDir
	}
	return filepath.Join(s.DataDir, "keys")
}

func (s settings) serviceKeys() string { return filepath.Join(s.DataDir, "service-keys") }

// session is what every command runs with.
type session struct {
	process
	settings settings
}

// run runs one command and returns the exit code. An error is one line on
// stderr.
func run(ctx context.Context, p process) int {
	var line commandLine
	parsed, err := config.Load("starter", description, &line, p.args, p.lookupEnv, p.stdout)
	switch {
	case errors.Is(err, config.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(p.stderr, err)
		return exitUsage
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(&session{process: p, settings: line.Settings})
	if err == nil {
		return exitOK
	}
	var known *exitError
	if !errors.As(err, &known) || known.message != "" {
		fmt.Fprintf(p.stderr, "starter: %v\n", err)
	}
	return exitCode(err)
}

// exitError gives an exit code to what ended a command. An empty message is
// for commands that have said everything already.
type exitError struct {
	code    int
	message string
}

func (e *exitError) Error() string { return e.message }

func usage(format string, args ...any) error {
	return &exitError{code: exitUsage, message: fmt.Sprintf(format, args...)}
}

func silently(code int) error { return &exitError{code: code} }

func exitCode(err error) int {
	var known *exitError
	switch {
	case errors.As(err, &known):
		return known.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case gatewayclient.Temporary(err):
		return exitNoAnswer
	default:
		return exitNotAsWished
	}
}

// tokenLifetime is how long a development token is valid.
const tokenLifetime = 12 * time.Hour

// tokenFor returns the token that was given, or makes a development token for
// the subject.
func (s *session) tokenFor(subject, scope string) (string, error) {
	if s.settings.Token != "" {
		return s.settings.Token, nil
	}
	return s.issue(subject, scope)
}

func (s *session) issue(subject, scope string) (string, error) {
	keys, created, err := token.OpenKeys(s.settings.keys())
	if err != nil {
		return "", err
	}
	if created {
		fmt.Fprintf(s.stderr, "made a new signing key in %s; a gateway with another data folder does not know it\n", s.settings.keys())
	}
	return keys.Issue(subject, scope, tokenLifetime, time.Now())
}

// gateway returns a client that acts as subject. Connections is how many
// requests may be in flight, 0 for few.
func (s *session) gateway(subject, scope string, connections int) (*gatewayclient.Client, error) {
	bearer, err := s.tokenFor(subject, scope)
	if err != nil {
		return nil, err
	}
	return gatewayclient.New(gatewayclient.Config{
		Address: s.settings.GatewayAddr, Token: bearer, Connections: connections,
	})
}
