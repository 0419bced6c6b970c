package load

import (
	"errors"
	"fmt"
	"time"
)

// What a generator process is told and what it answers: one line of JSON each,
// one answer per request, in order.
//
//	client                         generator process: bench load --control
//	  | {"do":"open","spec":{...}}   |
//	  |----------------------------->|
//	  |<------------------------ {} -|
//	  | {"do":"dial"}                |
//	  |----------------------------->|
//	  |<-------- {"dialed":{...}}   -|
//	  | {"do":"touch"}               |
//	  |----------------------------->|
//	  |<------------------------ {} -|
//	  | {"do":"run","duration_ns":N} |
//	  |----------------------------->|
//	  |<-------- {"outcome":{...}}  -|
//	  | {"do":"close"}, or the end   |
//	  |----------------------------->|  resets its connections, exit status 0

// request is one line to a generator process.
type request struct {
	Do   verb  `json:"do"`
	Spec *Spec `json:"spec,omitempty"`
	// Conns is for dial: how many are to be open; all where it is missing.
	Conns    *int          `json:"connections,omitempty"`
	Duration time.Duration `json:"duration_ns,omitempty"`
}

type verb string

const (
	doOpen  verb = "open"
	doDial  verb = "dial"
	doTouch verb = "touch"
	doRun   verb = "run"
	doClose verb = "close"
)

// answer is one line back.
type answer struct {
	Dialed  *Dialed  `json:"dialed,omitempty"`
	Outcome *Outcome `json:"outcome,omitempty"`
	Failure *failure `json:"error,omitempty"`
}

// failure is an error on its way between processes. Kind is the text of the
// sentinel that it is, so that errors.Is works on the other side.
type failure struct {
	Kind string `json:"kind,omitempty"`
	Text string `json:"text"`
}

func describe(err error) *failure {
	f := &failure{Text: err.Error()}
	for _, known := range sentinels {
		if errors.Is(err, known) {
			f.Kind = known.Error()
		}
	}
	return f
}

func (f *failure) Error() string { return f.Text }

func (f *failure) Unwrap() error {
	for _, known := range sentinels {
		if f.Kind == known.Error() {
			return known
		}
	}
	return nil
}

// err is what an answer says went wrong.
func (a *answer) err(want verb) error {
	switch {
	case a.Failure != nil:
		return a.Failure
	case want == doDial && a.Dialed == nil, want == doRun && a.Outcome == nil:
		return fmt.Errorf("load: a generator process answered %s with nothing", want)
	}
	return nil
}
