package lab

import (
	"context"
	"slices"
	"time"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/scenario"
)

const (
	// searchSamples is how many runs a rate is tried with; the median counts.
	searchSamples = 3
	// overload is where a search begins, as a multiple of what the server does in
	// a closed loop: an open loop hardly holds a limit there, but if that loop had a
	// bad moment, the search goes beyond.
	overload = 1.1
)

// search finds the highest rate whose 99th percentile is within the limit. All
// tries are on one server; each rate has a generator of its own.
func (t *taking) search(ctx context.Context) error {
	p, began := t.step.place, time.Now()
	most, err := t.closedLoop(ctx)
	if err != nil {
		return err
	}
	limit := p.axes[scenario.Limit]
	highest, err := scenario.Highest(most*overload, func(rate float64) (bool, error) {
		return t.holds(ctx, p.scenario.Groups(p.axes.WithRate(rate)), limit)
	})
	if err != nil {
		return err
	}
	t.sample.Seconds = time.Since(began).Seconds()
	t.reading.Highest = &highest
	t.conclude()
	return nil
}

// closedLoop is the rate of the same connections when each sends as soon as its
// answer is back.
func (t *taking) closedLoop(ctx context.Context) (float64, error) {
	p, set := t.step.place, t.lab.settings
	groups := p.scenario.Groups(p.axes.WithRate(1))
	for i := range groups {
		groups[i].Role, groups[i].Rate, groups[i].Arrivals = load.Echo, 0, ""
	}
	var last window
	err := t.with(ctx, groups, func(g *load.Process) (err error) {
		last, _, err = warmUp(ctx, g, set.Window, set.Windows)
		return err
	})
	return last.rate, err
}

// holds tries one rate. That the generator was late matters only where that may be why
// the rate did not hold.
func (t *taking) holds(ctx context.Context, groups []load.Group, limit float64) (bool, error) {
	var p99s []float64
	late := false
	err := t.with(ctx, groups, func(g *load.Process) error {
		if _, err := g.Run(ctx, t.lab.settings.Window); err != nil {
			return err
		}
		for range searchSamples {
			o, err := t.observe(ctx, g)
			if err != nil {
				return err
			}
			late = late || limited(o)
			h, err := o.Groups[0].Latency.Decode()
			if err != nil {
				return err
			}
			p99s = append(p99s, float64(h.ValueAtPercentile(99))/1000)
			if decided(p99s, limit) {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	slices.Sort(p99s)
	held := p99s[len(p99s)/2] <= limit
	if late && !held {
		t.mark(markLimited)
	}
	return held, nil
}

// decided tells that the runs to come cannot change on which side of the limit the
// median is.
func decided(p99s []float64, limit float64) bool {
	within := 0
	for _, v := range p99s {
		if v <= limit {
			within++
		}
	}
	return max(within, len(p99s)-within) > searchSamples/2
}

// with runs a generator for one purpose.
func (t *taking) with(ctx context.Context, groups []load.Group, do func(*load.Process) error) error {
	g, err := t.start(ctx, groups)
	if err != nil {
		return err
	}
	err = t.begin(ctx, g)
	if err == nil {
		err = do(g)
	}
	if closed := g.Close(); err == nil {
		err = closed
	}
	return err
}

func (t *taking) begin(ctx context.Context, g *load.Process) error {
	if _, err := g.Dial(ctx, 0); err != nil {
		return err
	}
	return g.Touch(ctx)
}
