package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/weft-go/weft/coro"
)

// crawler is what the tasks of all pages share: on one loop, so without a lock.
type crawler struct {
	options
	client   *http.Client
	places   *coro.Semaphore
	random   *rand.Rand // for pauses
	seen     map[string]bool
	progress progress
	summary  summary
}

// page is what has come of one.
type page struct {
	url    string
	status int   // of the last answer; 0 without one
	err    error // why there is no answer, or not all of it
	bytes  int64
	took   time.Duration // the last attempt
	tries  int
	final  *url.URL // after redirects
	links  []*url.URL
}

func newCrawler(o options, p progress) *crawler {
	return &crawler{
		options: o, progress: p,
		client: &http.Client{Transport: newTransport(), CheckRedirect: checkRedirect},
		places: coro.NewSemaphore(o.limit),
		random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
		seen:   make(map[string]bool),
	}
}

// crawl fetches the pages and what they link to. It returns when all is done, with an
// error only if it was cancelled.
func (c *crawler) crawl(ctx context.Context, starts []*url.URL) error {
	defer c.client.CloseIdleConnections()
	return coro.WithScope(ctx, func(s *coro.Scope) error {
		for _, u := range starts {
			if err := c.add(s, u, c.depth); err != nil {
				return err
			}
		}
		return nil
	})
}

// add starts a task for a page, unless there was one already. A page that waits for
// its turn is a task, of 3 KB: -pages bounds them.
func (c *crawler) add(s *coro.Scope, u *url.URL, depth int) error {
	address := *u
	address.Fragment = ""
	if len(c.seen) == c.pages || c.seen[address.String()] {
		return nil
	}
	c.seen[address.String()] = true
	c.progress.added()
	return s.Go(func(ctx context.Context) error { return c.visit(ctx, s, &address, depth) })
}

// visit is the task of a page. Its links are added before it counts as done, so that
// the progress never seems to be at its end before it is.
func (c *crawler) visit(ctx context.Context, s *coro.Scope, u *url.URL, depth int) error {
	p := c.fetch(ctx, u, depth > 0)
	if p.err != nil && ctx.Err() != nil {
		return context.Cause(ctx) // interrupted: it is no failure of the page's
	}
	for _, link := range p.links {
		if link.Host == u.Host && p.final.Host == u.Host {
			if err := c.add(s, link, depth-1); err != nil {
				return err
			}
		}
	}
	c.summary.add(p)
	c.progress.done(p)
	return nil
}

// maxRedirects is how many redirects one page may take.
//
// Bound: browsers follow 20, net/http 10. What takes more goes in circles.
const maxRedirects = 10

func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects || !isPage(next.URL) {
		return errRedirect
	}
	return nil
}

// isPage reports whether an address is one of the web.
func isPage(u *url.URL) bool { return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" }

var (
	errRedirect = errors.New("redirected in a circle, or to what is no page")
	errTooLarge = errors.New("the page is larger than -max-body")
)
