package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/models"
	"github.com/weft-go/weft/bench/scenario"
	"github.com/weft-go/weft/bench/server"
)

// grammar is the command line.
type grammar struct {
	Run     runCommand     `cmd:"" default:"withargs" help:"Measure backends (the default command)."`
	Idle    idleCommand    `cmd:"" help:"Measure connections that wait: memory, CPU, threads."`
	Report  reportCommand  `cmd:"" help:"Make a page, and other files, of stored results."`
	Compare compareCommand `cmd:"" help:"Say what changed between two result files, and whether it is real."`
	Serve   serveCommand   `cmd:"" help:"Run one backend as an echo server until SIGTERM or Ctrl-C."`
	Load    loadCommand    `cmd:"" help:"Offer a load to any server and check every byte that comes back."`
	Models  modelsCommand  `cmd:"" help:"Measure what a process, a thread, a goroutine, a task and a callback cost here."`
	Advise  adviseCommand  `cmd:"" help:"Choose a concurrency model for a server, by figures of bench models."`
	Probe   probeCommand   `cmd:"" hidden:""`
}

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell counts it: 128 + SIGINT
)

// usageError is a wish that cannot be granted: nothing was started; or a place for
// the results that cannot be written to.
type usageError struct{ error }

func refuse(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// errBackendFailed ends a command whose output already says what failed.
var errBackendFailed = errors.New("not every backend could be measured")

// terminal is where a command reads and writes.
type terminal struct {
	in       *os.File
	out, err io.Writer
}

func main() {
	// Not by way of the grammar: how fast such a process begins is measured.
	if len(os.Args) == 3 && os.Args[1] == models.UnitCommand {
		if err := models.Unit(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(exitFailed)
		}
		os.Exit(exitOK)
	}
	os.Exit(run(os.Args[1:], &terminal{os.Stdin, os.Stdout, os.Stderr}))
}

// run runs one command and returns its exit status.
func run(args []string, t *terminal) int {
	fail := func(status int, err error) int {
		fmt.Fprintln(t.err, "bench:", strings.ReplaceAll(err.Error(), "\n", "; "))
		return status
	}
	parser, err := kong.New(&grammar{},
		kong.Name("bench"),
		kong.Description("Measures echo servers that are written in different ways. Backends:\n\n"+describeBackends()),
		kong.Vars{"backends": strings.Join(backend.DefaultNames(), ","), "every": strings.Join(backend.Names(), ","), "scenarios": strings.Join(scenario.Names(), ",")},
		kong.Writers(t.out, t.err),
	)
	if err != nil {
		return fail(exitFailed, err) // a mistake in the grammar
	}
	command, err := parser.Parse(args)
	if err != nil {
		return fail(exitUsage, err)
	}

	// Never given back: a probe that has answered is told to end by SIGTERM while it is
	// ending, and that is not to be its status.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	command.BindTo(ctx, (*context.Context)(nil))
	err = command.Run(t)

	var usage usageError
	var start *server.StartError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		var kept interruptedError
		if errors.As(err, &kept) {
			return fail(exitInterrupted, kept)
		}
		return fail(exitInterrupted, errors.New("interrupted"))
	case errors.As(err, &usage), errors.As(err, &start):
		return fail(exitUsage, err)
	}
	return fail(exitFailed, err)
}

func describeBackends() string {
	var lines []string
	for _, b := range backend.Registry {
		lines = append(lines, fmt.Sprintf("%s: %s.", b.Name, b.About))
	}
	return strings.Join(lines, "\n\n")
}
