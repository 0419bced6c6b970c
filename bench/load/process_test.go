package load

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// started is a generator process of a test.
func started(t *testing.T, s Spec) *Process {
	t.Helper()
	p, err := Start(t.Context(), s, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestProcessMeasuresAsAnEngineDoes(t *testing.T) {
	addr := serve(t, echo)
	s := one(addr, Group{Role: Echo, Conns: 5, Size: 10})
	s.Groups = append(s.Groups, Group{Name: "idle", Role: Idle, Conns: 3, Size: 1, Depth: 1})
	p := started(t, s)
	for _, n := range []int{1, 4, 0} {
		d, err := p.Dial(t.Context(), n)
		require.NoError(t, err)
		if n == 0 {
			n = 8
		}
		require.Equal(t, n, d.Conns)
		require.EqualValues(t, n, times(t, d.Connect))
		require.NoError(t, p.Touch(t.Context()))
	}
	for range 2 {
		o, err := p.Run(t.Context(), 20*time.Millisecond)
		require.NoError(t, err)
		require.Empty(t, o.Void)
		require.Positive(t, o.CPU)
		require.Equal(t, "echo", o.Groups[0].Group)
		require.GreaterOrEqual(t, o.Groups[0].Received, uint64(5))
		require.EqualValues(t, o.Groups[0].Received, times(t, o.Groups[0].Latency))
		require.Len(t, o.Groups[0].PerConn, 5)
		require.Zero(t, o.Groups[1].Planned)
	}
}

func TestProcessPassesErrorsOn(t *testing.T) {
	addr := serve(t, func(_ int, p []byte) ([]byte, bool) { p[0] ^= 1; return p, true })
	p := started(t, one(addr, Group{Role: Echo, Conns: 1, Size: 10}))
	_, err := p.Dial(t.Context(), 0)
	require.NoError(t, err)
	_, err = p.Run(t.Context(), time.Hour)
	require.ErrorIs(t, err, ErrWrongByte)
	require.ErrorContains(t, err, "connection 0 of echo, byte 0 of the batch")

	p = started(t, one(nobody(t), Group{Role: Echo, Conns: 1}))
	_, err = p.Dial(t.Context(), 0)
	require.ErrorIs(t, err, ErrConnect)
	require.ErrorContains(t, err, "refused")
}

func TestProcessStopsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := cancelled(t)
	addr := serve(t, func(int, []byte) ([]byte, bool) {
		cancel()
		return nil, true
	})
	p := started(t, one(addr, Group{Role: Echo, Conns: 1}))
	_, err := p.Dial(ctx, 0)
	require.NoError(t, err)
	_, err = p.Run(ctx, time.Hour)
	require.ErrorIs(t, err, context.Canceled)
}

func TestProcessTellsThatItsChildWasKilled(t *testing.T) {
	p, err := Start(t.Context(), one(serve(t, echo), Group{Role: Echo, Conns: 1}), nil)
	require.NoError(t, err)
	defer p.Close()
	p.children[0].Close()
	_, err = p.Dial(t.Context(), 0)
	require.ErrorContains(t, err, "generator: signal: killed")
}

func TestProcessRefusesABadSpecBeforeItStarts(t *testing.T) {
	_, err := Start(t.Context(), Spec{Server: "127.0.0.1:1"}, nil)
	require.ErrorIs(t, err, ErrSpec)
}

func TestProcessesShareALoad(t *testing.T) {
	addr := serve(t, echo)
	s := Spec{Server: addr, Seed: 1, Groups: []Group{
		{Name: "echo", Role: Echo, Conns: 7, Size: 10, Depth: 1},
		{Name: "paced", Role: Paced, Conns: 10, Active: 2, Size: 10, Depth: 1, Rate: 300, Arrivals: Fixed},
		{Name: "idle", Role: Idle, Conns: 4, Size: 10, Depth: 1},
	}}
	p, err := start(t.Context(), s, nil, 8)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	require.Len(t, p.children, 3)
	d, err := p.Dial(t.Context(), 3)
	require.NoError(t, err)
	require.Equal(t, 3, d.Conns)
	d, err = p.Dial(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, 21, d.Conns)
	require.Equal(t, 3, d.Processes)
	require.EqualValues(t, 21, times(t, d.Connect))
	require.NoError(t, p.Touch(t.Context()))
	o, err := p.Run(t.Context(), 200*time.Millisecond)
	require.NoError(t, err)
	require.Empty(t, o.Void)
	require.Len(t, o.Groups, 3)
	require.Len(t, o.Groups[0].PerConn, 7)
	for i, n := range o.Groups[0].PerConn {
		require.Positive(t, n, "connection %d", i)
	}
	require.EqualValues(t, o.Groups[0].Received, times(t, o.Groups[0].Latency))
	require.InDelta(t, 60, float64(o.Groups[1].Planned), 2)
	require.EqualValues(t, o.Groups[1].Planned, times(t, o.Groups[1].SendLag))
}

func TestPartsAddUp(t *testing.T) {
	s := Spec{First: 5, ConnectRate: 90, Groups: []Group{
		{Name: "a", Role: Echo, Conns: 10, Active: 2},
		{Name: "b", Role: Paced, Conns: 11, Rate: 110},
		{Name: "c", Role: Churn, Conns: 1},
	}}
	parts, err := s.parts(8)
	require.NoError(t, err)
	require.Len(t, parts, 3)
	conns, active, rate, next := 0, 0, 0.0, 5
	for _, p := range parts {
		require.Equal(t, next, p.First, "numbers go on from part to part")
		require.InDelta(t, 30, p.ConnectRate, 1e-9)
		for _, g := range p.Groups {
			conns += g.Conns
			next += g.Conns
			active += g.Active
			rate += g.Rate
			if g.Name == "a" {
				require.Equal(t, g.Active == 0, g.Role == Idle, "nobody active is not everybody active")
			}
		}
	}
	require.Equal(t, 22, conns)
	require.Equal(t, 2, active)
	require.InDelta(t, 110, rate, 1e-9)

	room := Spec{Groups: []Group{{Role: Sender, Conns: 1}, {Role: Listener, Conns: 10}}}
	_, err = room.parts(8)
	require.ErrorIs(t, err, ErrDescriptors)
	_, err = room.parts(11)
	require.NoError(t, err)
	_, err = room.parts(0)
	require.ErrorIs(t, err, ErrDescriptors)
	_, err = s.parts(22)
	require.NoError(t, err)
	many := Spec{Groups: []Group{{Role: Echo, Conns: 1000}}}
	_, err = many.parts(1)
	require.ErrorIs(t, err, ErrDescriptors)
}

func TestControlAnswersEveryRequest(t *testing.T) {
	var out bytes.Buffer
	in := strings.NewReader(`{"do":"run"}
{"do":"open"}
{"do":"open","spec":{"server":"` + serve(t, echo) + `","groups":[{"name":"a","role":"echo","connections":2,"size_bytes":3,"depth":1}]}}
{"do":"open","spec":{}}
{"do":"dial","connections":1}
{"do":"dial"}
{"do":"touch"}
{"do":"run","duration_ns":1000}
{"do":"dance"}
{"do":"close"}
`)
	require.NoError(t, Control(t.Context(), in, &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 9)
	for i, want := range []string{`"run\" does not fit here`, "none given", `{}`, `does not fit here`, `"dialed":{"connections":1,`, `"dialed":{"connections":2,`, `{}`, `"outcome":{"groups":[`, `unknown request`} {
		require.Contains(t, lines[i], want)
		require.True(t, json.Valid([]byte(lines[i])))
	}

	err := Control(t.Context(), strings.NewReader("hello\n"), io.Discard)
	require.ErrorContains(t, err, "a request that is none")
}

func TestSpecIsRefused(t *testing.T) {
	good := Group{Name: "a", Role: Echo, Conns: 2, Size: 64, Depth: 1}
	with := func(change func(*Group)) Spec {
		g := good
		change(&g)
		return Spec{Server: "127.0.0.1:1", Groups: []Group{g}}
	}
	require.NoError(t, with(func(*Group) {}).Check())
	for text, s := range map[string]Spec{
		"is not an IP address":      {Server: "localhost:1", Groups: []Group{good}},
		"no groups":                 {Server: "127.0.0.1:1"},
		"names are needed":          {Server: "127.0.0.1:1", Groups: []Group{good, good}},
		"a room has one sender":     with(func(g *Group) { g.Role = Listener }),
		"unknown role":              with(func(g *Group) { g.Role = "dancer" }),
		"0 connections":             with(func(g *Group) { g.Conns = 0 }),
		"want 1 to":                 with(func(g *Group) { g.Depth = MaxBatch }),
		"3 active connections of 2": with(func(g *Group) { g.Active = 3 }),
		"rotation every":            with(func(g *Group) { g.Rotate = 1 }),
		"rate 0 with role paced":    with(func(g *Group) { g.Role = Paced }),
		"rate 1 with role echo":     with(func(g *Group) { g.Rate = 1 }),
		"unknown arrivals":          with(func(g *Group) { g.Role, g.Rate = Paced, 1 }),
		"unknown work":              with(func(g *Group) { g.SlowShare = 0.5 }),
		"a share of 2 slow":         with(func(g *Group) { g.SlowShare, g.Work = 2, CPU }),
		"no room for what work":     with(func(g *Group) { g.Size, g.Work = 1, CPU }),
		"work with role http":       with(func(g *Group) { g.Role, g.Work = HTTP, CPU }),
		"want at most 255ms":        with(func(g *Group) { g.SlowShare, g.Work, g.SlowMost = 1, CPU, time.Second }),
		"a batch to a room of 7":    with(func(g *Group) { g.Role, g.Conns, g.Size = Sender, 1, 7 }),
		"rate NaN":                  with(func(g *Group) { g.Role, g.Rate, g.Arrivals = Paced, math.NaN(), Fixed }),
		"rate +Inf":                 with(func(g *Group) { g.Role, g.Rate, g.Arrivals = Paced, math.Inf(1), Fixed }),
		"connect rate +Inf":         {Server: "127.0.0.1:1", ConnectRate: math.Inf(1), Groups: []Group{good}},
		"a negative connect rate":   {Server: "127.0.0.1:1", ConnectRate: -1, Groups: []Group{good}},
	} {
		err := s.Check()
		require.ErrorIs(t, err, ErrSpec, text)
		require.ErrorContains(t, err, text)
	}
}

func TestSpecWithAnUnknownKeyIsRefused(t *testing.T) {
	_, err := ReadSpec([]byte(`{"server":"127.0.0.1:1","connect_rat":5}`))
	require.ErrorContains(t, err, "connect_rat")
	s, err := ReadSpec([]byte(`{"server":"127.0.0.1:1","connect_rate":5}`))
	require.NoError(t, err)
	require.EqualValues(t, 5, s.ConnectRate)
}
