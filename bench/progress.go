package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress tells on a terminal how far a command of few steps is, in one line that
// changes. Elsewhere it says nothing.
type progress struct {
	w       io.Writer
	live    bool
	total   int
	done    int
	started time.Time
}

const eraseLine = "\r\x1b[K"

func newProgress(w io.Writer, total int) *progress {
	return &progress{w: w, live: isTerminal(w), total: total, started: time.Now()}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// step begins the next step.
func (p *progress) step(stage, what string) {
	p.done++
	if p.live {
		passed := time.Since(p.started).Round(time.Second)
		fmt.Fprintf(p.w, "%s%d/%d  %s, %s  (after %v)", eraseLine, p.done, p.total, stage, what, passed)
	}
}

// end leaves the terminal clean.
func (p *progress) end() {
	if p.live {
		fmt.Fprint(p.w, eraseLine)
	}
}
