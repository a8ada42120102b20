package chassis

import "orderflow/internal/config"

// Mode says whether a process may make do with what is convenient on a laptop.
type Mode string

// The modes. Any other text, such as none, is development: the command line
// lets no others through.
const (
	// Development makes its own keys, and says so.
	Development Mode = "development"
	// Production refuses to start where anybody could come in: each part of a
	// process names what is missing.
	Production Mode = "production"
)

// Strict reports whether the mode is Production.
func (m Mode) Strict() bool { return m == Production }

// checkMode refuses what is for tests only.
func (c Config) checkMode() error {
	switch {
	case !c.Mode.Strict():
		return nil
	case c.SwitchFaults:
		return config.Wrong("switch-faults", "production mode lets nobody switch faults")
	case c.FailPoints:
		return config.Wrong("fail-points", "production mode has no fail points")
	case c.Faults.Active():
		return config.Wrong("faults", "production mode injects no faults")
	}
	return nil
}
