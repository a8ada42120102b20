package httpserver

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/faults"
	"orderflow/internal/problem"
)

// FaultsPath is where the faults of a process are read (GET) and replaced
// (PUT), as an InjectedFaults, while it runs.
const FaultsPath = "/internal/faults"

// InjectedFaults is the body of FaultsPath.
type InjectedFaults struct {
	// Faults is what faults.Parse reads; "" is no faults.
	Faults string `json:"faults"`
}

// Validate implements what Bind asks for.
func (f InjectedFaults) Validate() error {
	if _, err := faults.Parse(f.Faults); err != nil {
		return problem.New(problem.Invalid, err.Error()).WithCause(err)
	}
	return nil
}

// addFaults injects the faults into the routes that follow. The way to end them
// is free of them.
func addFaults(engine *gin.Engine, o Options) {
	if !o.SwitchFaults {
		if o.Faults.Active() {
			engine.Use(o.Faults.Middleware(o.Random))
		}
		return
	}
	current := faults.NewSwitch(o.Faults)
	engine.GET(FaultsPath, func(c *gin.Context) {
		Respond(c, http.StatusOK, InjectedFaults{Faults: current.Spec().String()})
	})
	engine.PUT(FaultsPath, func(c *gin.Context) {
		var wanted InjectedFaults
		if err := Bind(c, &wanted); err != nil {
			Fail(c, err)
			return
		}
		spec, err := faults.Parse(wanted.Faults)
		if err != nil {
			Fail(c, err) // Validate has let it through
			return
		}
		current.Set(spec)
		Respond(c, http.StatusNoContent, nil)
	})
	engine.Use(current.Middleware(o.Random))
}
