// Package compose_test checks docker-compose.yml against the programs: no
// Docker engine is needed for that.
package compose_test

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// ours are the programs in the image, by their command, with their packages.
var ours = map[string]string{
	"order":        "./services/order/server",
	"inventory":    "./services/inventory/server",
	"payment":      "./services/payment/server",
	"shipping":     "./services/shipping/server",
	"notification": "./services/notification/server",
	"customer":     "./services/customer/server",
	"catalog":      "./services/catalog/server",
	"workers":      "./workers",
	"deploy":       "./workers/deploy",
	"gateway":      "./gateway",
	"starter":      "./starter",
}

// once are the services that run a program to its end, by the program.
var once = map[string]string{"payload-key": "starter", "service-key": "starter"}

// previous are the services that run a program of the version before.
var previous = map[string]string{"workers-previous": "workers"}

// theirs are the services that other images bring.
var theirs = []string{"postgres", "temporal", "temporal-ui", "consul"}

const root = "../.."

func load(t *testing.T, environ ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithProfiles([]string{"*"}), cli.WithEnv(environ))
	require.NoError(t, err)
	project, err := options.LoadProject(context.Background())
	require.NoError(t, err)
	return project
}

// variables returns the environment variables that a program knows, from its
// own help. A command's settings are in the command's help.
func variables(t *testing.T, program string, arguments []string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, append(slices.Clone(arguments), "--help")...).CombinedOutput()
	require.NoError(t, err, "%s: %s", program, out)
	known := regexp.MustCompile(`ORDERFLOW_[A-Z_]+`).FindAllString(string(out), -1)
	require.NotEmpty(t, known)
	return known
}

// build builds the programs and returns their folder.
func build(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, pkg := range ours {
		command := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(folder, name), pkg)
		command.Dir = root
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return folder
}

// programOf is the program that a service is meant to run.
func programOf(name string) string {
	return cmp.Or(once[name], previous[name], name)
}

func program(service types.ServiceConfig) string {
	if len(service.Entrypoint) > 0 {
		return service.Entrypoint[0]
	}
	if len(service.Command) > 0 {
		return service.Command[0]
	}
	return ""
}

// arguments are those that a service's program is started with.
func arguments(service types.ServiceConfig) []string {
	if len(service.Entrypoint) > 0 {
		return slices.Concat(service.Entrypoint[1:], service.Command)
	}
	return service.Command[1:]
}

func TestEveryServiceRunsAProgramThatKnowsItsSettings(t *testing.T) {
	project, programs := load(t), build(t)
	var found []string
	for name, service := range project.Services {
		if slices.Contains(theirs, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			require.Contains(t, ours, programOf(name))
			require.Equal(t, programOf(name), program(service))
			known := variables(t, filepath.Join(programs, program(service)), arguments(service))
			for variable := range service.Environment {
				require.Contains(t, known, variable)
			}
		})
		found = append(found, name)
	}
	require.Len(t, found, len(ours)+len(once)+len(previous), "every program has a service")
	for _, name := range theirs {
		require.Contains(t, project.Services, name)
	}
}

func TestAddressesPointAtServicesAndTheirPorts(t *testing.T) {
	project := load(t)
	ports := map[string]string{"consul": "8500", "temporal": "7233", "gateway": "8080", "postgres": "5432"}
	for name, service := range project.Services {
		for variable, value := range service.Environment {
			if value == nil || !strings.HasSuffix(variable, "_ADDR") || variable == "ORDERFLOW_LISTEN_ADDR" ||
				name == "gateway" && (variable == "ORDERFLOW_GATEWAY_ADDR" || variable == "ORDERFLOW_INTERNAL_ADDR") {
				continue
			}
			host, port, err := net.SplitHostPort(*value)
			require.NoError(t, err, "%s of %s", variable, name)
			require.Contains(t, project.ServiceNames(), host)
			require.Equal(t, ports[host], port, "%s of %s", variable, name)
		}
	}
	for _, published := range project.Services["gateway"].Ports {
		require.EqualValues(t, 8080, published.Target, "what strangers may reach")
	}
}

func TestEveryDatabaseIsMade(t *testing.T) {
	project := load(t)
	script := project.Configs["databases"].Content
	for name, service := range project.Services {
		dsn := service.Environment["ORDERFLOW_DSN"]
		if dsn == nil {
			continue
		}
		require.Contains(t, *dsn, "@postgres:5432/"+name+"?", "a database of its own")
		require.Regexp(t, `CREATE DATABASE "?`+name+`"?;`, script)
	}
}

func TestPayloadsAreEncryptedWithOneKeyring(t *testing.T) {
	services := load(t).Services
	const variable = "ORDERFLOW_PAYLOAD_KEYS"
	maker := services["payload-key"]
	require.NotNil(t, maker.Environment[variable])
	keyring := *maker.Environment[variable]
	require.Len(t, maker.Volumes, 1)
	require.Equal(t, filepath.Dir(keyring), maker.Volumes[0].Target)

	for name, service := range services {
		if user := programOf(name); user != "gateway" && user != "workers" {
			require.True(t, name == "payload-key" || service.Environment[variable] == nil, "%s has no need of the keys", name)
			continue
		}
		require.NotNil(t, service.Environment[variable], name)
		require.Equal(t, keyring, *service.Environment[variable], name)
		require.Equal(t, types.ServiceConditionCompletedSuccessfully, service.DependsOn["payload-key"].Condition, name)
		at := slices.IndexFunc(service.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Source == maker.Volumes[0].Source })
		require.GreaterOrEqual(t, at, 0, name)
		require.Equal(t, maker.Volumes[0].Target, service.Volumes[at].Target, name)
		require.True(t, service.Volumes[at].ReadOnly, name)
	}
}

// Those who call have the private key, and nobody else; the services have the
// public one, and refuse to start without it.
func TestCallsToServicesAreSigned(t *testing.T) {
	services := load(t).Services
	maker := services["service-key"]
	for name, service := range services {
		user := programOf(name)
		if name == "service-key" || slices.Contains(theirs, name) || user == "deploy" || user == "starter" {
			continue
		}
		has, lacks := "ORDERFLOW_SERVICE_JWKS", "ORDERFLOW_SERVICE_SIGNING_KEY"
		if user == "gateway" || user == "workers" {
			has, lacks = lacks, has
		}
		require.Nil(t, service.Environment[lacks], "%s has no need of it", name)
		require.NotNil(t, service.Environment[has], name)
		file := *service.Environment[has]
		require.Equal(t, *maker.Environment[has], file, name)
		require.Equal(t, types.ServiceConditionCompletedSuccessfully, service.DependsOn["service-key"].Condition, name)

		mounted := func(volumes []types.ServiceVolumeConfig) types.ServiceVolumeConfig {
			at := slices.IndexFunc(volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == filepath.Dir(file) })
			require.GreaterOrEqual(t, at, 0, name)
			return volumes[at]
		}
		require.Equal(t, mounted(maker.Volumes).Source, mounted(service.Volumes).Source, name)
		require.True(t, mounted(service.Volumes).ReadOnly, name)
		for _, volume := range service.Volumes {
			require.NotEqual(t, filepath.Dir(*maker.Environment[lacks]), volume.Target, "%s has no need of it", name)
		}
		if user != "gateway" { // which needs to be told whose tokens it takes
			require.Equal(t, "production", *service.Environment["ORDERFLOW_MODE"], name)
		}
	}
}

// The programs of an image know their version from the linker: it must be the
// tag by which the image is asked for later, as the version before.
func TestWorkersAreTheVersionOfTheirImage(t *testing.T) {
	services := load(t, "ORDERFLOW_VERSION=v8", "ORDERFLOW_PREVIOUS_VERSION=v7").Services
	for _, name := range []string{"workers", "deploy"} {
		require.Equal(t, "orderflow:v8", services[name].Image, name)
		require.Equal(t, "v8", *services[name].Build.Args["VERSION"], name)
	}
	before := services["workers-previous"]
	require.Equal(t, "orderflow:v7", before.Image)
	require.Nil(t, before.Build, "a build would put today's code under the name of the version before")
	require.Equal(t, services["workers"].Environment, before.Environment)

	deployment := services["workers"].Environment["ORDERFLOW_DEPLOYMENT"]
	require.NotNil(t, deployment)
	require.Equal(t, *deployment, *services["deploy"].Environment["ORDERFLOW_DEPLOYMENT"])
}

func TestTheTemporalUIMayReadPayloads(t *testing.T) {
	services := load(t).Services
	ui, gateway := services["temporal-ui"], services["gateway"]
	published := func(service types.ServiceConfig) string { return "http://localhost:" + service.Ports[0].Published }
	require.Equal(t, published(gateway)+"/codec", *ui.Environment["TEMPORAL_CODEC_ENDPOINT"])
	require.Equal(t, published(ui), *gateway.Environment["ORDERFLOW_CODEC_ORIGINS"])
}

func TestVolumesAndDependenciesExist(t *testing.T) {
	project := load(t)
	for name, service := range project.Services {
		for _, volume := range service.Volumes {
			require.Contains(t, project.Volumes, volume.Source, name)
		}
		for needed, dependency := range service.DependsOn {
			require.Contains(t, project.Services, needed, name)
			if dependency.Condition == types.ServiceConditionCompletedSuccessfully {
				require.Contains(t, once, needed, "%s waits for the end of %s", name, needed)
			}
			if dependency.Condition == types.ServiceConditionHealthy {
				require.NotNil(t, project.Services[needed].HealthCheck, "%s waits for the health of %s", name, needed)
			}
		}
	}
}

func TestTheImageHasEveryProgram(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	for name, pkg := range ours {
		require.Regexp(t, `for (service|program) in [a-z ]*\b`+name+`\b|-o /out/`+name+` `+regexp.QuoteMeta(pkg)+`\b`, string(text))
	}
	require.Regexp(t, `(?m)^USER 65532`, string(text), "not root")
	for name, service := range load(t).Services {
		for _, volume := range service.Volumes {
			if !slices.Contains(theirs, name) {
				require.Regexp(t, `mkdir -p .*`+volume.Target+`\b`, string(text), "a volume of another user's cannot be written by %s", name)
			}
		}
	}
}
