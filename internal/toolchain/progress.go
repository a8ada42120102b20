package toolchain

import "time"

// Phase is a part of a build.
type Phase string

// The phases in their order.
const (
	Waiting     Phase = "waiting" // for another process that builds the same
	Downloading Phase = "downloading modules"
	Compiling   Phase = "compiling packages"
	Linking     Phase = "linking"
	Finished    Phase = "finished"
)

// Progress says how far a build is.
type Progress struct {
	Task    string // what is built, such as "temporal v1.5.1"
	Phase   Phase
	Done    int // of Total
	Total   int // 0 when the phase is not counted
	Elapsed time.Duration
}

// Report receives the progress of builds, one call at a time. A nil Report
// ignores it.
type Report func(Progress)

func (r Report) send(p Progress) {
	if r != nil {
		r(p)
	}
}

func (r Report) waiting(task string) {
	r.send(Progress{Task: task, Phase: Waiting})
}
