package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/weft-go/weft/bench/load"
)

// loadCommand is the generator by itself, against any server.
type loadCommand struct {
	Addr        string        `placeholder:"HOST:PORT" help:"The server, which is to echo what it gets, unless --role=http."`
	Conns       int           `default:"1" help:"Connections (${default})."`
	Size        int           `default:"64" help:"Bytes per message (${default})."`
	Depth       int           `default:"1" help:"Messages per batch, which are written together (${default})."`
	Rate        float64       `help:"Messages a second over all connections, by a plan, whatever the server does (an open loop). Default: each batch when the one before is back (a closed loop)."`
	Arrivals    load.Arrivals `enum:"fixed,poisson" default:"fixed" help:"How the plan is spread with --rate: fixed or poisson (${default})."`
	Duration    time.Duration `default:"10s" help:"Measured time (${default})."`
	Warmup      time.Duration `default:"1s" help:"Time before it that is not measured (${default}); 0s is none."`
	Role        string        `enum:"echo,paced,churn,idle,mute,trickle,http,room" default:"echo" help:"What connections do: echo, churn (connect, one batch, close), idle, mute (send, never read), trickle (a byte a second), http (GET /), room (one sends, all hear it). Default: ${default}, or paced with --rate."`
	ConnectRate float64       `default:"5000" help:"Connections begun a second at most (${default}); 0 is no limit."`
	Spin        time.Duration `default:"0s" help:"How long before a planned send to look at the clock instead of sleeping (${default}). It needs a processor of its own, and makes sends punctual; 60us is enough on most machines."`
	Seed        *uint64       `help:"Seed of the payload and the plan. Default: by chance; it is printed."`
	Spec        string        `placeholder:"FILE" help:"Read the load from FILE, as JSON (see bench/load/spec.go), instead of from the flags above but --addr."`
	JSON        string        `name:"json" placeholder:"FILE" help:"Write everything that was measured to FILE."`
	Control     bool          `hidden:"" help:"Serve requests on the standard input."`
}

// loadReport is what --json writes.
type loadReport struct {
	Spec    load.Spec     `json:"spec"`
	Dialed  *load.Dialed  `json:"dialed"`
	Outcome *load.Outcome `json:"outcome"`
}

func (c *loadCommand) Run(ctx context.Context, t *terminal) error {
	if c.Control {
		if _, err := load.RaiseDescriptors(); err != nil {
			return err
		}
		return load.Control(ctx, t.in, t.out)
	}
	spec, err := c.spec(ctx)
	if err != nil {
		return refusal(ctx, err)
	}
	r := loadReport{Spec: spec}
	var file *outFile
	if c.JSON != "" {
		if file, err = createOutFile(c.JSON); err != nil {
			return refuse("--json: %w", err)
		}
		defer file.close()
	}
	if err := c.measure(ctx, t, &r); err != nil {
		return refusal(ctx, err)
	}
	if file != nil {
		if err := file.fill(func(w io.Writer) error { return json.NewEncoder(w).Encode(r) }); err != nil {
			return refuse("--json: %w", err)
		}
	}
	if err := writeLoad(t.out, &r); err != nil {
		return err
	}
	if r.Outcome.Void != "" {
		return refuse("void: %s", r.Outcome.Void)
	}
	return nil
}

// refusal makes every failure of a load a refusal, which has one line and the
// status 2: what failed is the server, the machine or the wish, and not the bench.
func refusal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return usageError{err}
}

func (c *loadCommand) measure(ctx context.Context, t *terminal, r *loadReport) error {
	// The generator's processes live as long as the thread that starts them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g, err := load.Start(ctx, r.Spec, nil)
	if err != nil {
		return err
	}
	p := newProgress(t.err, 3)
	defer p.end()
	p.step("connecting", fmt.Sprintf("at %v a second at most", r.Spec.ConnectRate))
	dialed, err := g.Dial(ctx, 0)
	r.Dialed = &dialed
	if err == nil && c.Warmup > 0 {
		p.step("warm-up", c.Warmup.String())
		err = c.warmUp(ctx, g)
	}
	if err == nil {
		p.step("measuring", c.Duration.String())
		var o load.Outcome
		o, err = g.Run(ctx, c.Duration)
		r.Outcome = &o
	}
	if ended := g.Close(); err == nil {
		err = ended
	}
	return err
}

func (c *loadCommand) warmUp(ctx context.Context, g *load.Process) error {
	if err := g.Touch(ctx); err != nil {
		return err
	}
	o, err := g.Run(ctx, c.Warmup)
	if err == nil && o.Void != "" {
		err = fmt.Errorf("void in the warm-up: %s", o.Void)
	}
	return err
}

// spec is the load that was asked for.
func (c *loadCommand) spec(ctx context.Context) (load.Spec, error) {
	if err := checkPositive("duration", c.Duration); err != nil {
		return load.Spec{}, err
	}
	if c.Warmup < 0 {
		return load.Spec{}, refuse("--warmup: %v is negative", c.Warmup)
	}
	s := load.Spec{Server: c.Addr, Seed: chooseSeed(c.Seed), ConnectRate: c.ConnectRate, Spin: c.Spin}
	if c.Spec != "" {
		text, err := os.ReadFile(c.Spec)
		if err != nil {
			return s, refuse("--spec: %w", err)
		}
		if s, err = load.ReadSpec(text); err != nil {
			return s, refuse("--spec: %s: %w", c.Spec, err)
		}
		if c.Addr != "" {
			s.Server = c.Addr
		}
	} else {
		s.Groups = c.groups()
	}
	if s.Server == "" {
		return s, refuse("--addr: no server given")
	}
	to, err := resolve(ctx, s.Server)
	if err != nil {
		return s, refuse("--addr: %w", err)
	}
	s.Server = to
	return s, s.Check()
}

// groups are what the flags say.
func (c *loadCommand) groups() []load.Group {
	g := load.Group{Name: c.Role, Role: load.Role(c.Role), Conns: c.Conns, Size: c.Size, Depth: c.Depth}
	if c.Rate != 0 {
		g.Rate, g.Arrivals = c.Rate, c.Arrivals
	}
	if c.Role == "echo" && c.Rate != 0 {
		g.Name, g.Role = string(load.Paced), load.Paced
	}
	if c.Role != "room" {
		return []load.Group{g}
	}
	all := g
	g.Name, g.Role, g.Conns = string(load.Sender), load.Sender, min(c.Conns, 1)
	if c.Conns <= 1 { // who hears it is the sender alone
		return []load.Group{g}
	}
	all.Name, all.Role, all.Conns, all.Rate, all.Arrivals = string(load.Listener), load.Listener, c.Conns-1, 0, ""
	return []load.Group{g, all}
}

// resolve makes an address of what a user writes. It prefers IPv4, as there is no
// second try.
func resolve(ctx context.Context, addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return "", err
	}
	if host == "" {
		host = "127.0.0.1"
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	best := ips[0].Unmap()
	for _, ip := range ips {
		if ip.Unmap().Is4() {
			best = ip.Unmap()
			break
		}
	}
	return net.JoinHostPort(best.String(), fmt.Sprint(n)), nil
}
