package lab

import (
	"context"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/server"
)

// Head is everything that shapes the results. Each server is started once and one
// connection is made to it, to see its socket options; what goes wrong there will
// go wrong in its samples, and is told then. Error: ctx.Err().
func (l *Lab) Head(ctx context.Context) (result.Run, error) {
	run := result.Run{
		Started:     time.Now(),
		Argv:        os.Args,
		Profile:     string(l.settings.Profile),
		Host:        measure.OfHost(),
		Plan:        l.settings.Plan,
		Sysctls:     measure.Sysctls(),
		Environment: measure.Environment(),
		Seed:        l.settings.Seed,
		Rounds:      l.rounds(),
		Reference:   reference(l.rows),
		Order:       l.Order(),
		Settings:    l.settings.stored(),
		Omitted:     l.Omitted,
	}
	run.Revision, run.Modified = Revision()
	for _, r := range l.rows {
		b := result.Backend{Name: r.label, About: r.backend.About}
		if b.Absent = r.absent(); b.Absent == "" {
			b.Version = version(r.backend, run.Revision)
			b.SocketOptions = l.probe(ctx, r.backend)
		}
		if ctx.Err() != nil {
			return run, ctx.Err()
		}
		run.Backends = append(run.Backends, b)
	}
	return run, nil
}

// probeLimit is how long the one connection may take.
//
// Bound: an answer on a busy machine, which may stand still for seconds.
const probeLimit = 30 * time.Second

// probe reads the socket options of a connection; nothing where that fails.
func (l *Lab) probe(ctx context.Context, b backend.Backend) map[string]string {
	hello := "hello"
	if !b.Offers(backend.Echo) {
		hello = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
	}
	o := server.Options{Backend: b.Name, Loops: l.settings.Loops, Plan: l.settings.Plan}
	if len(b.Workloads) > 0 {
		o.Workload = b.Workloads[0]
	}
	srv, err := server.Start(ctx, o)
	if err != nil {
		return nil
	}
	defer srv.Close()
	c, err := net.DialTimeout("tcp", srv.Addr.String(), probeLimit)
	if err != nil {
		return nil
	}
	defer c.Close()
	// Once there is an answer, the server has the connection and has set it up.
	if c.SetDeadline(time.Now().Add(probeLimit)) != nil {
		return nil
	}
	if _, err := c.Write([]byte(hello)); err != nil {
		return nil
	}
	if _, err := c.Read(make([]byte, len(hello))); err != nil {
		return nil
	}
	options, err := measure.SocketOptions(srv.PID())
	if err != nil {
		return nil
	}
	return options
}

// Revision is the version of the source: of the build, or, as `go run` does not
// write it down, of the tree we are in.
func Revision() (revision string, modified bool) {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				modified = s.Value == "true"
			}
		}
	}
	if revision != "" {
		return revision, modified
	}
	head, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return "unknown", true
	}
	changes, err := exec.Command("git", "status", "--porcelain").Output()
	return strings.TrimSpace(string(head)), err != nil || len(changes) > 0
}

// version is what of a backend was run: another program, a module, or this source.
func version(b backend.Backend, revision string) string {
	if b.External() {
		if said := b.Version(); said != "" {
			return said
		}
		return "unknown"
	}
	if b.Module == "" {
		return revision + ", " + runtime.Version()
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == b.Module {
			return m.Path + " " + m.Version + buildTags(info)
		}
	}
	return "unknown"
}

// buildTags are those that this program was built with, which gnet has some of.
func buildTags(info *debug.BuildInfo) string {
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			return ", built with -tags " + s.Value
		}
	}
	return ""
}
