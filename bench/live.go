package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/weft-go/weft/bench/lab"
	"github.com/weft-go/weft/bench/scenario"
)

// view tells on the standard error how far a run is: a bar on a terminal, and
// otherwise a plain line per point.
type view struct {
	w    io.Writer
	now  atomic.Pointer[lab.Progress] // what the bar's own goroutine shows
	bars *mpb.Progress                // nil without a terminal
	bar  *mpb.Bar
	said string // the last stage that got a plain line
}

const (
	// redraw is how often the bar is drawn: it takes some 50 us beside the
	// generator, which is not to be seen in its figures.
	redraw = time.Second
	// barWidth is the columns of the bar itself: the rest of 80 is for words.
	barWidth = 16
)

func newView(w io.Writer, total int) *view {
	v := &view{w: w}
	v.now.Store(&lab.Progress{Total: total})
	if !isTerminal(w) {
		return v
	}
	v.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(barWidth), mpb.WithRefreshRate(redraw))
	v.bar = v.bars.AddBar(int64(total),
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			p := v.now.Load()
			if p.Next.Backend == "" {
				return ""
			}
			return fmt.Sprintf(" %v left  %s  %s", left(*p), stage(*p), p.Next.Backend)
		})),
		mpb.BarRemoveOnComplete(),
	)
	return v
}

// tell shows that the next sample is being taken.
func (v *view) tell(p lab.Progress) {
	v.now.Store(&p)
	if v.bar != nil {
		v.bar.SetCurrent(int64(p.Done))
		return
	}
	if s := stage(p); s != v.said {
		v.said = s
		fmt.Fprintf(v.w, "%d/%d  %s  (%v left)\n", p.Done+1, p.Total, s, left(p))
	}
}

// end leaves the terminal clean.
func (v *view) end() {
	if v.bar != nil {
		v.bar.Abort(true)
		v.bars.Wait()
	}
}

func left(p lab.Progress) time.Duration { return p.Left.Round(time.Second) }

func stage(p lab.Progress) string {
	return fmt.Sprintf("round %d of %d, %s: %s", p.Next.Round, p.Rounds, p.Next.Point.Scenario, scenario.Describe(p.Next.Point.Axes))
}
