package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// on is a program for a simulated host: main, on a loop of tasks.
func on(main func(ctx context.Context) error) func(poller.OS) error {
	return func(os poller.OS) error {
		return coro.Config{Reactor: reactor.Options{OS: os}}.Run(context.Background(), main)
	}
}

// answer is a server of one page.
func answer(ctx context.Context) error {
	ln, err := coro.Listen(ctx, "tcp", ":80")
	if err != nil {
		return err
	}
	return coro.Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
		for in := bufio.NewReader(c); ; {
			if _, err := http.ReadRequest(in); err != nil {
				return err
			}
			if _, err := fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"); err != nil {
				return err
			}
		}
	})
}

// While the network is cut, tries time out one after the other, with pauses; the one
// after it has healed gets the page. All of it by the simulated clock.
func TestFetchOutlastsAPartition(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		server := w.Host("server")
		server.Daemon("answer", on(answer))
		w.At(time.Second, func() { w.Partition(server) })
		w.At(30*time.Second, w.Heal)
		var out bytes.Buffer
		o := testOptions()
		o.tries = 10
		c := newCrawler(o, progress{lines: &out})
		c.random = w.Rand()
		w.Host("client").Go("fetch", on(func(ctx context.Context) error {
			if err := coro.Sleep(ctx, 2*time.Second); err != nil {
				return err
			}
			start, err := url.Parse("http://server/")
			if err != nil {
				return err
			}
			return c.crawl(ctx, []*url.URL{start})
		}))
		require.NoError(t, w.Run())
		require.EqualValues(t, 1, c.summary.groups["200"].times.TotalCount(), out.String())
		require.Equal(t, 3, c.summary.again, "tries that timed out: at 2, 12 and 22 s, and some pauses")
	})
}

// In a network that cuts up and delays everything all pages come.
func TestFetchInABadNetwork(t *testing.T) {
	config := sim.Config{Dials: sim.Freedoms(), Link: sim.Conditions{Latency: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02}}
	config.Test(t, func(t *testing.T, w *sim.World) {
		w.Host("server").Daemon("answer", on(answer))
		var out bytes.Buffer
		c := newCrawler(testOptions(), progress{lines: &out})
		c.random = w.Rand()
		w.Host("client").Go("fetch", on(func(ctx context.Context) error {
			if err := coro.Sleep(ctx, time.Second); err != nil {
				return err
			}
			var starts []*url.URL
			for i := range 50 {
				u, err := url.Parse(fmt.Sprint("http://server/", i))
				if err != nil {
					return err
				}
				starts = append(starts, u)
			}
			return c.crawl(ctx, starts)
		}))
		require.NoError(t, w.Run())
		require.EqualValues(t, 50, c.summary.groups["200"].times.TotalCount(), out.String())
	})
}
