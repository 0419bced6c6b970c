// Fetch gets pages of the web, many at a time, and follows their links.
//
//	go run ./examples/fetch -depth 1 https://example.org/
//
// Up to -limit requests are under way at a time, each within -timeout; what may
// succeed another time is tried again, after a pause that doubles. Links are followed
// to pages of the same host, -depth steps from where it began. In a terminal it draws a
// progress bar, elsewhere it prints a line for each page; at the end, also after Ctrl-C, a
// table of what has come of them.
//
//	main.go       the command line, and Ctrl-C
//	crawler.go    a task for each page; who has been seen; the limit
//	attempt.go    one page: timeout, retries, what is too large
//	transport.go  one request, over a connection of the loop
//	links.go      the links of a page
//	progress.go   a bar, or lines
//	summary.go    the table
//
// The client is net/http's, with redirects and all, but not its Transport. That has
// goroutines of its own for each connection, and a caller that waits for them on
// channels: in a task that would stop the loop. A RoundTripper that writes the request
// and reads the response by itself is 60 lines, with net/http's own Request.Write and
// ReadResponse. So a whole request is one task, from the name lookup to the last byte, and
// a coro.Timeout around it covers the TLS handshake as well. (fasthttp's client is
// sequential, too, but a goroutine that looks after its idle connections may outlive the
// loop.)
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/weft-go/weft/coro"
)

// options are what the command line says.
type options struct {
	limit   int           // requests at a time
	timeout time.Duration // of each
	tries   int           // for one page
	depth   int           // steps along links
	pages   int           // at the most
	maxBody int64         // bytes
}

func (o *options) define(set *flag.FlagSet) {
	set.IntVar(&o.limit, "limit", 8, "requests at a time")
	set.DurationVar(&o.timeout, "timeout", 10*time.Second, "time for a request, from the name lookup to the last byte")
	set.IntVar(&o.tries, "tries", 3, "how often a page is tried")
	set.IntVar(&o.depth, "depth", 0, "how many links away pages of the same host are fetched")
	set.IntVar(&o.pages, "pages", 1000, "how many pages are fetched at the most")
	set.Int64Var(&o.maxBody, "max-body", 10<<20, "bytes of the largest page")
}

func main() {
	err := run(os.Args[1:])
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "fetch: %v\n", err)
		os.Exit(2)
	case errors.Is(err, errInterrupted):
		os.Exit(130) // as a shell has it
	}
	fmt.Fprintf(os.Stderr, "fetch: %v\n", err)
	os.Exit(1)
}

var (
	errUsage       = errors.New("usage")
	errInterrupted = errors.New("interrupted")
)

// run is the program. The error is errUsage, errInterrupted, or that pages could not be
// fetched.
func run(args []string) error {
	o, starts, err := parse(args)
	if err != nil {
		return err
	}
	c := newCrawler(o, newProgress(os.Stderr, os.Stdout))
	began := time.Now()
	err = coro.Run(context.Background(), func(ctx context.Context) error {
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			err := s.Daemon(func(ctx context.Context) error {
				if _, err := coro.WaitSignal(ctx, os.Interrupt, syscall.SIGTERM); err != nil {
					return err
				}
				return s.Cancel(errInterrupted)
			})
			if err != nil {
				return err
			}
			return c.crawl(ctx, starts)
		})
	})
	c.progress.end()
	c.summary.print(os.Stdout, time.Since(began))
	if err == nil && c.summary.failed > 0 {
		err = fmt.Errorf("%d of %d pages could not be fetched", c.summary.failed, c.summary.pages)
	}
	return err
}

func parse(args []string) (o options, starts []*url.URL, err error) {
	set := flag.NewFlagSet("fetch", flag.ContinueOnError)
	set.SetOutput(io.Discard) // or an error would bring the usage with it
	o.define(set)
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(os.Stdout)
		fmt.Println("fetch [flags] URL...")
		set.PrintDefaults()
		return o, nil, err
	case err != nil:
		return o, nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	switch {
	case set.NArg() == 0:
		return o, nil, fmt.Errorf("%w: no URL is named", errUsage)
	case o.limit < 1 || o.tries < 1 || o.pages < 1 || o.depth < 0 || o.maxBody < 0 || o.timeout <= 0:
		return o, nil, fmt.Errorf("%w: a limit is too low", errUsage)
	}
	for _, arg := range set.Args() {
		u, err := url.Parse(arg)
		if err != nil || !isPage(u) {
			return o, nil, fmt.Errorf("%w: %q is no address of a page", errUsage, arg)
		}
		starts = append(starts, u)
	}
	return o, starts, nil
}
