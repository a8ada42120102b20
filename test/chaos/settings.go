package chaos

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"
)

// The databases of the services.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Settings are those of a run. Everything that happens by chance follows from
// Seed.
type Settings struct {
	Seed     uint64
	Database string
	// Orders are placed over Lasts; Faults happen in the first 70 % of it.
	Orders, Faults int
	Lasts          time.Duration
	// AtLeast is how many faults must happen to prove anything. A machine that is
	// too slow for them gets more time.
	AtLeast int
	// Rest is how long the system may take to come to rest once everything has
	// healed; 0 is two minutes. A machine that others use needs more.
	Rest time.Duration
	// Defect is the name of one of Defects, which the product then has; "" is
	// none.
	Defect string
	// Folder keeps what runs have in common, and what is left of a failed one.
	Folder string
	// AimBy is the file with the coverage that the faults are aimed by; "" is
	// the one in Folder, which each run adds to.
	AimBy string
}

// coverageFile has what all runs with the folder have reached.
func (s Settings) coverageFile() string { return filepath.Join(s.Folder, "coverage.json") }

// faulty is the share of the time in which there are faults, unless too few have
// happened by then.
const (
	faulty     = 0.7
	mostFaulty = 3 * faulty
)

// How long the system may take to come to rest once everything has healed. One
// with a defect may never.
const (
	restWithin       = 120 * time.Second
	defectRestWithin = 30 * time.Second
)

func (s Settings) restWithin() time.Duration {
	if s.Defect != "" {
		return defectRestWithin
	}
	return cmp.Or(s.Rest, restWithin)
}

// Brief is the short form, which is part of all tests.
func Brief(seed uint64, database string) Settings {
	return Settings{Seed: seed, Database: database, Orders: 500, Faults: 28, AtLeast: 20, Lasts: 45 * time.Second}
}

// Validate returns the first thing that is wrong.
func (s Settings) Validate() error {
	switch {
	case s.Database != SQLite && s.Database != Postgres:
		return fmt.Errorf("the database %q is neither %s nor %s", s.Database, SQLite, Postgres)
	case s.Orders < 1, s.Faults < 0, s.Lasts < 10*time.Second:
		return fmt.Errorf("a run needs an order, no negative faults and 10 seconds: %d, %d, %v", s.Orders, s.Faults, s.Lasts)
	}
	return nil
}

// Command repeats the run.
func (s Settings) Command() string {
	target := "chaos"
	if s.Defect != "" {
		target = "chaos-defects DEFECT=" + s.Defect
	}
	command := fmt.Sprintf("make %s ORDERS=%d FAULTS=%d MINUTES=%.4g SEED=%d DB=%s",
		target, s.Orders, s.Faults, s.Lasts.Minutes(), s.Seed, s.Database)
	if s.Rest > 0 {
		command += " REST=" + s.Rest.String()
	}
	if s.AimBy != "" {
		command += " AIM_BY=" + s.AimBy
	}
	return command
}

// brief reports whether faults that last are to be short.
func (s Settings) brief() bool { return s.Lasts < 2*time.Minute }
