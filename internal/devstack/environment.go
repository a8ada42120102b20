package devstack

import (
	"path/filepath"
	"slices"
	"strings"

	"orderflow/internal/servicetoken"
)

const envPrefix = "ORDERFLOW_"

// perProcess are settings that belong to one process, and so are not inherited
// from whoever started the system.
var perProcess = []string{"LISTEN_ADDR", "DSN", "INSTANCE_ID", "READY_FILE", "FAULTS", "ADVERTISE", "PAYLOAD_KEYS", "SERVICE_JWKS", "SERVICE_SIGNING_KEY"}

// environment is a list of KEY=value in which each key stands once.
type environment []string

// inherited is the user's environment without what belongs to one process, and
// with what all of ours share.
func (c Config) inherited() environment {
	env := environment(slices.Clone(c.Environ))
	for _, name := range perProcess {
		env = env.without(envPrefix + name)
	}
	env = env.
		with(envPrefix+"CONSUL_ADDR", dialable(c.ConsulAddr)).
		with(envPrefix+"TEMPORAL_ADDR", dialable(c.TemporalAddr)).
		with(envPrefix+"TEMPORAL_NAMESPACE", c.TemporalNamespace).
		with(envPrefix+"DATA_DIR", c.DataDir).
		with(envPrefix+"KEYS_DIR", c.keysDir())
	if !env.has(envPrefix + "DRAIN_TIMEOUT") {
		env = env.with(envPrefix+"DRAIN_TIMEOUT", drainTimeout.String())
	}
	return env
}

// forService is the environment of one instance of a service: its store, its
// instance ID and whatever was set for the service alone. ORDERFLOW_FAULTS is
// meant for every service.
func (c Config) forService(name string, number int) environment {
	env := c.inherited().
		with(envPrefix+"INSTANCE_ID", instanceID(name, number)).
		with(envPrefix+"DSN", "sqlite:"+c.dataPath(name+".db")).
		with(envPrefix+"SERVICE_JWKS", filepath.Join(c.serviceKeysDir(), servicetoken.KeySetFile))
	if faults, ok := environment(c.Environ).lookup(envPrefix + "FAULTS"); ok {
		env = env.with(envPrefix+"FAULTS", faults)
	}
	own := envPrefix + strings.ToUpper(name) + "_"
	for _, pair := range c.Environ {
		if setting, found := strings.CutPrefix(pair, own); found {
			key, value, _ := strings.Cut(setting, "=")
			env = env.with(envPrefix+key, value)
		}
	}
	return env
}

// forWorker is the environment of one worker process.
func (c Config) forWorker(number int) environment {
	return c.inherited().
		with(envPrefix+"INSTANCE_ID", instanceID(workersService, number)).
		with(envPrefix+"SERVICE_SIGNING_KEY", c.serviceSigningKey()).
		with(envPrefix+"PAYLOAD_KEYS", c.PayloadKeys)
}

// forGateway is the environment of one gateway. Only the first has an address
// that is known beforehand.
func (c Config) forGateway(number int) environment {
	env := c.inherited().
		with(envPrefix+"INSTANCE_ID", instanceID(gatewayService, number)).
		with(envPrefix+"GATEWAY_ADDR", c.GatewayAddr).
		with(envPrefix+"SERVICE_SIGNING_KEY", c.serviceSigningKey()).
		with(envPrefix+"PAYLOAD_KEYS", c.PayloadKeys)
	if number > 1 {
		env = env.with(envPrefix+"GATEWAY_ADDR", "127.0.0.1:0").without(envPrefix + "INTERNAL_ADDR")
	}
	if c.TemporalExternal {
		return env // where its UI is, only the user knows
	}
	return env.
		withDefault(envPrefix+"TEMPORAL_UI_URL", c.uiOrigins()[0]).
		withDefault(envPrefix+"CODEC_ORIGINS", strings.Join(c.uiOrigins(), ","))
}

func (c Config) serviceSigningKey() string {
	return filepath.Join(c.serviceKeysDir(), servicetoken.SigningKeyFile)
}

// uiOrigins are the origins of the Temporal UI's pages, by either name of this
// machine.
func (c Config) uiOrigins() []string {
	addr := dialable(c.TemporalUIAddr)
	origins := []string{"http://" + addr}
	if port, local := strings.CutPrefix(addr, "127.0.0.1:"); local {
		origins = append(origins, "http://localhost:"+port)
	}
	return origins
}

// forStarter is the environment with which the starter finds this system.
func (c Config) forStarter() environment {
	env := c.inherited().
		with(envPrefix+"GATEWAY_ADDR", dialable(c.GatewayAddr)).
		with(envPrefix+"SERVICE_SIGNING_KEY", c.serviceSigningKey()).
		without(envPrefix + "TEMPORAL_UI_ADDR")
	if c.TemporalExternal {
		return env // where its UI is, nobody knows
	}
	return env.with(envPrefix+"TEMPORAL_UI_ADDR", dialable(c.TemporalUIAddr))
}

// forDemo is forStarter, but says nothing of a data folder that the starter
// finds by itself: it would print it in the order command.
func (c Config) forDemo() environment {
	env := c.forStarter().without(envPrefix + "KEYS_DIR")
	if c.dataDirIsDefault() {
		return env.without(envPrefix + "DATA_DIR")
	}
	return env
}

// forTool is the environment of Temporal and Consul, without settings that the
// user has made for other servers of the kind.
func (c Config) forTool() environment {
	env := environment(slices.Clone(c.Environ))
	return slices.DeleteFunc(env, func(pair string) bool {
		return strings.HasPrefix(pair, "TEMPORAL_") || strings.HasPrefix(pair, "CONSUL_")
	})
}

func (e environment) lookup(key string) (value string, ok bool) {
	for _, pair := range slices.Backward(e) { // the last one counts
		if value, ok := strings.CutPrefix(pair, key+"="); ok {
			return value, true
		}
	}
	return "", false
}

func (e environment) has(key string) bool {
	value, _ := e.lookup(key)
	return value != ""
}

func (e environment) with(key, value string) environment {
	return append(e.without(key), key+"="+value)
}

// withDefault leaves what the user has set.
func (e environment) withDefault(key, value string) environment {
	if e.has(key) {
		return e
	}
	return e.with(key, value)
}

func (e environment) without(key string) environment {
	return slices.DeleteFunc(slices.Clone(e), func(pair string) bool {
		return strings.HasPrefix(pair, key+"=")
	})
}
