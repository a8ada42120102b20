// Package compose_test checks docker-compose.yml against the programs: no
// Docker engine is needed for that.
package compose_test

import (
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
	"gateway":      "./gateway",
	"starter":      "./starter",
}

// theirs are the services that other images bring.
var theirs = []string{"postgres", "temporal", "temporal-ui", "consul"}

const root = "../.."

func load(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithProfiles([]string{"*"}))
	require.NoError(t, err)
	project, err := options.LoadProject(context.Background())
	require.NoError(t, err)
	return project
}

// variables returns the environment variables that a program knows, from its
// own help.
func variables(t *testing.T, program string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, "--help").CombinedOutput()
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

func program(service types.ServiceConfig) string {
	if len(service.Entrypoint) > 0 {
		return service.Entrypoint[0]
	}
	if len(service.Command) > 0 {
		return service.Command[0]
	}
	return ""
}

func TestEveryServiceRunsAProgramThatKnowsItsSettings(t *testing.T) {
	project, programs := load(t), build(t)
	var found []string
	for name, service := range project.Services {
		if slices.Contains(theirs, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			require.Contains(t, ours, name)
			require.Equal(t, name, program(service))
			known := variables(t, filepath.Join(programs, name))
			for variable := range service.Environment {
				require.Contains(t, known, variable)
			}
		})
		found = append(found, name)
	}
	require.Len(t, found, len(ours), "every program has a service")
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
				name == "gateway" && variable == "ORDERFLOW_GATEWAY_ADDR" {
				continue
			}
			host, port, err := net.SplitHostPort(*value)
			require.NoError(t, err, "%s of %s", variable, name)
			require.Contains(t, project.Services, host)
			require.Equal(t, ports[host], port, "%s of %s", variable, name)
		}
	}
	for _, published := range project.Services["gateway"].Ports {
		require.EqualValues(t, 8080, published.Target)
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

func TestVolumesAndDependenciesExist(t *testing.T) {
	project := load(t)
	for name, service := range project.Services {
		for _, volume := range service.Volumes {
			require.Contains(t, project.Volumes, volume.Source, name)
		}
		for needed, dependency := range service.DependsOn {
			require.Contains(t, project.Services, needed, name)
			if dependency.Condition == types.ServiceConditionHealthy {
				require.NotNil(t, project.Services[needed].HealthCheck, "%s waits for the health of %s", name, needed)
			}
		}
	}
}

func TestTheImageHasEveryProgram(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	for name := range ours {
		require.Regexp(t, `for (service|program) in [a-z ]*\b`+name+`\b`, string(text))
	}
	require.Regexp(t, `(?m)^USER 65532`, string(text), "not root")
}
