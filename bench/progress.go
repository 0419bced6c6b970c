package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress tells on the standard error how far a command is: in one line that
// changes on a terminal, and otherwise in a plain line per stage.
type progress struct {
	w        io.Writer
	live     bool
	quiet    bool // says nothing where it is not live
	total    int
	done     int
	started  time.Time
	reported string // the last stage that got a plain line
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

// step begins the next step, which belongs to a stage.
func (p *progress) step(stage, what string) {
	switch {
	case p.live:
		left := "?"
		if p.done > 0 {
			rest := time.Since(p.started) / time.Duration(p.done) * time.Duration(p.total-p.done)
			left = rest.Round(time.Second).String()
		}
		fmt.Fprintf(p.w, "%s%d/%d  %s, %s  (%s left)", eraseLine, p.done+1, p.total, stage, what, left)
	case stage != p.reported && !p.quiet:
		fmt.Fprintf(p.w, "%d/%d  %s\n", p.done+1, p.total, stage)
		p.reported = stage
	}
	p.done++
}

// end leaves the terminal clean.
func (p *progress) end() {
	if p.live {
		fmt.Fprint(p.w, eraseLine)
	}
}
