package config_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/config"
)

type settings struct {
	Listen    config.Listen    `embed:"" prefix:"listen-"`
	Consul    config.Consul    `embed:"" prefix:"consul-"`
	Temporal  config.Temporal  `embed:"" prefix:"temporal-"`
	Telemetry config.Telemetry `embed:""`
	Owner     string           `required:"" help:"Owner."`
	File      string           `default:"./${program}.log" help:"Log."`
	Limits    limits           `embed:"" prefix:"limit-"`
	Demo      bool             `default:"true" negatable:"" help:"Demonstration."`
	Kinds     []string         `enum:"tea,coffee" help:"Kinds of drink."`
}

type limits struct {
	Body    int64         `default:"1MiB" type:"size" min:"1KiB" max:"64MiB" help:"Largest body."`
	Wait    time.Duration `default:"5s" max:"1m" help:"Wait."`
	Queue   int           `default:"20" min:"0" max:"1000" help:"Queue."`
	Workers uint8         `default:"8" min:"1" help:"Workers."`
}

func (l limits) Validate() error {
	if l.Queue > 0 && l.Workers > 100 {
		return config.Wrong("limit-workers", "more than %d workers need no queue", 100)
	}
	return nil
}

func load(t *testing.T, environment map[string]string, args ...string) (settings, error) {
	t.Helper()
	var got settings
	lookup := func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}
	_, err := config.Load("orderd", "Keeps orders.", &got, args, lookup, &bytes.Buffer{})
	return got, err
}

func TestSettingsCanBeCheckedAlone(t *testing.T) {
	_, err := load(t, nil, "--owner=ada", config.CheckFlag)
	require.ErrorIs(t, err, config.ErrChecked)
	_, err = load(t, map[string]string{"ORDERFLOW_LIMIT_QUEUE": "x"}, "--owner=ada", config.CheckFlag)
	require.ErrorContains(t, err, "ORDERFLOW_LIMIT_QUEUE")
	_, err = load(t, map[string]string{"ORDERFLOW_CHECK_SETTINGS": "true"}, "--owner=ada")
	require.NoError(t, err, "a variable would end every program that inherits it")
}

func TestDefaultsHoldWhenNothingIsGiven(t *testing.T) {
	got, err := load(t, nil, "--owner=ada")
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:0", got.Listen.Addr)
	assert.Equal(t, "127.0.0.1:8500", got.Consul.Addr)
	assert.Equal(t, "127.0.0.1:7233", got.Temporal.Addr)
	assert.Equal(t, "default", got.Temporal.Namespace)
	assert.Equal(t, "info", got.Telemetry.LogLevel)
	assert.Equal(t, "off", got.Telemetry.Traces)
	assert.Equal(t, int64(1<<20), got.Limits.Body)
	assert.True(t, got.Demo)
	assert.Equal(t, "./orderd.log", got.File, "the program's name is known to defaults")
}

func TestTheFlagWinsOverTheEnvironmentAndThatOverTheDefault(t *testing.T) {
	environment := map[string]string{
		"ORDERFLOW_OWNER":         "bob",
		"ORDERFLOW_CONSUL_ADDR":   "consul:8500",
		"ORDERFLOW_TEMPORAL_ADDR": "temporal:7233",
		"ORDERFLOW_LIMIT_BODY":    "2MiB",
		"ORDERFLOW_LIMIT_WAIT":    "",
		"ORDERFLOW_DEMO":          "0",
		"ORDERFLOW_KINDS":         "tea,coffee",
	}
	got, err := load(t, environment, "--consul-addr=[::1]:1")
	require.NoError(t, err)
	assert.Equal(t, "bob", got.Owner)
	assert.Equal(t, "[::1]:1", got.Consul.Addr)
	assert.Equal(t, "temporal:7233", got.Temporal.Addr)
	assert.Equal(t, int64(2<<20), got.Limits.Body)
	assert.Equal(t, 5*time.Second, got.Limits.Wait, "an empty variable is not set")
	assert.False(t, got.Demo)
	assert.Equal(t, []string{"tea", "coffee"}, got.Kinds)
}

func TestAWrongValueIsOneLineThatNamesTheSetting(t *testing.T) {
	tests := []struct {
		name, flag, value, reason string
	}{
		{"address without a port", "consul-addr", "consul", "no address of the form host:port"},
		{"address without a host", "consul-addr", ":8500", "the host is missing"},
		{"address with port 0", "temporal-addr", "temporal:0", "the port is 0"},
		{"port beyond range", "listen-addr", "127.0.0.1:65536", "the port is no number from 0 to 65535"},
		{"named port", "listen-addr", "127.0.0.1:http", "the port is no number"},
		{"URL for an address", "consul-addr", "http://consul:8500", "no address"},
		{"duration without a unit", "limit-wait", "5", "expected duration"},
		{"negative duration", "limit-wait", "-5s", "-5s is less than 0s"},
		{"long duration", "limit-wait", "2m", "2m0s is more than 1m"},
		{"no duration", "limit-wait", "soon", `"soon"`},
		{"size without digits", "limit-body", "MiB", "no size such as"},
		{"small size", "limit-body", "10", "10 is less than 1KiB"},
		{"negative size", "limit-body", "-10", "no size such as"},
		{"large size", "limit-body", "1GiB", "is more than 64MiB"},
		{"huge size", "limit-body", "16EiB", "no size such as"},
		{"no number", "limit-queue", "many", "valid 64 bit int"},
		{"number below", "limit-queue", "-1", "-1 is less than 0"},
		{"number above", "limit-queue", "1001", "1001 is more than 1000"},
		{"unsigned zero", "limit-workers", "0", "0 is less than 1"},
		{"unsigned overflow", "limit-workers", "256", "256"},
		{"found by Validate", "limit-workers", "101", "more than 100 workers"},
		{"unknown word", "log-level", "loud", `"loud" is none of debug, info, warn, error`},
		{"unknown word in a list", "kinds", "tea,beer", `"beer" is none of tea, coffee`},
		{"ratio above", "traces-ratio", "1.5", "1.5 is more than 1"},
		{"ratio that is no number", "traces-ratio", "NaN", "no number"},
		{"no URL", "traces-endpoint", "collector:4318", "no http or https URL"},
		{"no truth", "demo", "perhaps", "perhaps"},
	}
	for _, test := range tests {
		env := "ORDERFLOW_" + strings.ToUpper(strings.ReplaceAll(test.flag, "-", "_"))
		for source, try := range map[string]func() error{
			"flag": func() error {
				_, err := load(t, nil, "--owner=x", "--"+test.flag+"="+test.value)
				return err
			},
			"environment": func() error {
				_, err := load(t, map[string]string{"ORDERFLOW_OWNER": "x", env: test.value})
				return err
			},
		} {
			t.Run(test.name+" by "+source, func(t *testing.T) {
				err := try()
				require.Error(t, err)
				assert.Contains(t, err.Error(), "orderd: setting --"+test.flag+" ("+env+"): ")
				assert.Contains(t, err.Error(), test.reason)
				assert.NotContains(t, err.Error(), "\n")

				var setting *config.SettingError
				require.ErrorAs(t, err, &setting)
				assert.Equal(t, test.flag, setting.Flag)
			})
		}
	}
}

func TestAWrongURLIsNotQuoted(t *testing.T) {
	_, err := load(t, nil, "--owner=x", "--traces-endpoint=ftp://user:hunter2@collector")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestAMissingSettingIsNamed(t *testing.T) {
	_, err := load(t, nil)
	require.Error(t, err)
	assert.Equal(t, "orderd: setting --owner (ORDERFLOW_OWNER): is required", err.Error())
}

func TestAnUnknownFlagIsOneLine(t *testing.T) {
	for _, argument := range []string{"--no-such-thing", "--consul-adr=x:1", "stray"} {
		_, err := load(t, nil, "--owner=x", argument)
		require.Error(t, err, argument)
		assert.True(t, strings.HasPrefix(err.Error(), "orderd: "), err)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestHelpListsEveryFlagWithItsVariable(t *testing.T) {
	var got settings
	var help bytes.Buffer
	none := func(string) (string, bool) { return "", false }
	_, err := config.Load("orderd", "Keeps orders.", &got, []string{"--help"}, none, &help)
	require.ErrorIs(t, err, config.ErrHelp)

	text := strings.Join(strings.Fields(help.String()), " ")
	for _, want := range []string{
		"Keeps orders.", "--consul-addr", "ORDERFLOW_CONSUL_ADDR", "ORDERFLOW_LIMIT_BODY",
		"ORDERFLOW_LOG_LEVEL", "ORDERFLOW_TEMPORAL_NAMESPACE", "ORDERFLOW_OWNER",
	} {
		assert.Contains(t, text, want)
	}
}

// TestMain lets the test below run this binary as a program of its own.
func TestMain(m *testing.M) {
	if os.Getenv("PARSE_AS_ORDERD") != "" {
		var got settings
		config.Parse("orderd", "Keeps orders.", &got, os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestParseEndsTheProcessWithTheRightCode(t *testing.T) {
	tests := []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"--owner=x"}, 0, "", ""},
		{[]string{"--help"}, 0, "Keeps orders.", ""},
		{[]string{"--owner=x", "--log-level=loud"}, 2, "", "orderd: setting --log-level (ORDERFLOW_LOG_LEVEL): "},
	}
	for _, test := range tests {
		program := exec.Command(os.Args[0], test.args...)
		program.Env = append(os.Environ(), "PARSE_AS_ORDERD=1")
		var stdout, stderr bytes.Buffer
		program.Stdout, program.Stderr = &stdout, &stderr
		_ = program.Run() // the exit code says more
		assert.Equal(t, test.code, program.ProcessState.ExitCode(), test.args)
		assert.Contains(t, stdout.String(), test.stdout)
		assert.True(t, strings.HasPrefix(stderr.String(), test.stderr), stderr.String())
		assert.LessOrEqual(t, strings.Count(stderr.String(), "\n"), 1)
	}
}

func TestCommandsHaveTheirOwnSettings(t *testing.T) {
	var commands struct {
		Place struct {
			Gateway string `default:"127.0.0.1:8080" type:"address" help:"Gateway."`
		} `cmd:"" help:"Places an order."`
		Watch struct {
			ID string `arg:"" help:"The order."`
		} `cmd:"" help:"Watches an order."`
	}
	environment := map[string]string{"ORDERFLOW_GATEWAY": "gateway:80"}
	lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }

	parsed, err := config.Load("starter", "", &commands, []string{"place"}, lookup, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Equal(t, "place", parsed.Command())
	assert.Equal(t, "gateway:80", commands.Place.Gateway)

	_, err = config.Load("starter", "", &commands, []string{"watch"}, lookup, &bytes.Buffer{})
	require.ErrorContains(t, err, "starter: ")
}
