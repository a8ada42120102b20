package failpoint

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Header carries a point of the request that it comes with, in the form that
// Parse reads.
const Header = "Orderflow-Fail-Point"

// Phase is a place in the life of a request.
type Phase string

// The phases. In Background the request says what happens to the process's work
// beside requests, such as its projector, from now on; in Begin and End what
// happens to the next activity of a name.
const (
	Before     Phase = "before"     // nothing has been done yet
	Commit     Phase = "commit"     // a transaction has done its work and is not committed
	After      Phase = "after"      // everything is committed, no byte of the answer has left
	Background Phase = "background" // commits of no request
	Begin      Phase = "begin"      // an activity has done nothing yet
	End        Phase = "end"        // an activity has done its work, and nobody has heard of it
)

// Action is what happens at a point.
type Action string

// The actions. Delay takes a duration.
const (
	Kill  Action = "kill"  // the process ends as by SIGKILL
	Stop  Action = "stop"  // the process stops as by SIGSTOP; somebody must continue it
	Drop  Action = "drop"  // the connection closes without an answer
	Panic Action = "panic" // the handler panics
	Delay Action = "delay" // everything waits
)

// Point is where a request fails, and how.
type Point struct {
	Phase Phase
	// Transaction is which of the request's transactions is meant, from 1. In
	// Background it is the one with which it begins.
	Transaction int
	// Activity is the name of the one that is meant in Begin and End.
	Activity string
	Action   Action
	// Delay is how long Action Delay waits; in Background at each commit.
	Delay time.Duration
	// Lasts bounds Background.
	Lasts time.Duration
	// Name is for the log line, so that a test knows its point again.
	Name string
}

// Parse reads what String writes: "before=kill", "commit#2=panic",
// "after=delay:300ms", "background#1=delay:200ms/5s", "end:ShipOrder=panic", each
// perhaps with "@name" at its end.
func Parse(text string) (Point, error) {
	var p Point
	unnamed, name, _ := strings.Cut(text, "@")
	p.Name = name
	place, action, found := strings.Cut(unnamed, "=")
	if !found {
		return Point{}, fmt.Errorf("fail point %q has no action", text)
	}
	if err := p.parsePlace(place); err != nil {
		return Point{}, fmt.Errorf("fail point %q: %w", text, err)
	}
	if err := p.parseAction(action); err != nil {
		return Point{}, fmt.Errorf("fail point %q: %w", text, err)
	}
	return p, nil
}

func (p *Point) parsePlace(text string) error {
	place, activity, named := strings.Cut(text, ":")
	phase, number, numbered := strings.Cut(place, "#")
	p.Phase, p.Activity = Phase(phase), activity
	if isOfActivity := p.Phase == Begin || p.Phase == End; named != isOfActivity || isOfActivity && activity == "" {
		return fmt.Errorf("the begin and the end, and nothing else, are those of a named activity")
	}
	switch p.Phase {
	case Before, After, Begin, End:
		if numbered {
			return fmt.Errorf("only a commit has a number")
		}
	case Commit, Background:
		p.Transaction = 1
		if numbered {
			var err error
			if p.Transaction, err = strconv.Atoi(number); err != nil || p.Transaction < 1 {
				return fmt.Errorf("%q is no number of a transaction", number)
			}
		}
	default:
		return fmt.Errorf("there is no phase %q", phase)
	}
	return nil
}

func (p *Point) parseAction(text string) error {
	name, argument, given := strings.Cut(text, ":")
	p.Action = Action(name)
	switch p.Action {
	case Kill, Stop, Drop, Panic:
		if given {
			return fmt.Errorf("%s takes nothing", name)
		}
		if p.Phase == Background && p.Action != Kill {
			return fmt.Errorf("work in the background can only be delayed or killed")
		}
		if p.Activity != "" && p.Action == Drop {
			return fmt.Errorf("an activity has no connection to drop")
		}
		return nil
	case Delay:
		return p.parseDelay(argument)
	default:
		return fmt.Errorf("there is no action %q", name)
	}
}

func (p *Point) parseDelay(text string) (err error) {
	delay, lasts, bounded := strings.Cut(text, "/")
	if bounded != (p.Phase == Background) {
		return fmt.Errorf("the background, and nothing else, says for how long it is delayed")
	}
	if p.Delay, err = positive(delay); err != nil || !bounded {
		return err
	}
	p.Lasts, err = positive(lasts)
	return err
}

func positive(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no duration such as 200ms", text)
	}
	return d, nil
}

// String is the point as the header carries it.
func (p Point) String() string {
	text := string(p.Phase)
	if p.Phase == Commit || p.Phase == Background {
		text += "#" + strconv.Itoa(p.Transaction)
	}
	if p.Activity != "" {
		text += ":" + p.Activity
	}
	text += "=" + string(p.Action)
	if p.Action == Delay {
		text += ":" + p.Delay.String()
	}
	if p.Lasts > 0 {
		text += "/" + p.Lasts.String()
	}
	if p.Name != "" {
		text += "@" + p.Name
	}
	return text
}
