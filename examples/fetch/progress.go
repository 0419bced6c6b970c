package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far it is: a bar in a terminal, a line for each page elsewhere.
type progress struct {
	bar   *progressbar.ProgressBar // nil elsewhere
	lines io.Writer
}

// redraw is how often the bar is drawn at the most.
//
// Bound: what an eye sees.
const redraw = 65 * time.Millisecond

func newProgress(terminal *os.File, lines io.Writer) progress {
	p := progress{lines: lines}
	if term.IsTerminal(int(terminal.Fd())) {
		p.bar = progressbar.NewOptions(0,
			progressbar.OptionSetWriter(terminal), progressbar.OptionShowCount(), progressbar.OptionThrottle(redraw),
			progressbar.OptionSetDescription("pages"), progressbar.OptionClearOnFinish(), progressbar.OptionSetSpinnerChangeInterval(0))
	}
	return p
}

// added and done tell of one page each.
func (p *progress) added() {
	if p.bar != nil {
		p.bar.AddMax(1)
	}
}

func (p *progress) done(page *page) {
	switch {
	case p.bar != nil:
		_ = p.bar.Add(1) // a terminal that has gone
	case page.err != nil:
		fmt.Fprintf(p.lines, "failed %s after %d tries: %v\n", page.url, page.tries, page.err)
	default:
		fmt.Fprintf(p.lines, "%d %s %d bytes in %v\n", page.status, page.url, page.bytes, page.took.Round(time.Millisecond))
	}
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
