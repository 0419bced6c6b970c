package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, main) }

// patience is a timeout that is long enough on any machine.
//
// Bound: one that stands still for some seconds while a page is fetched.
const patience = 30 * time.Second

func testOptions() options {
	return options{limit: 4, timeout: 10 * time.Second, tries: 3, depth: 0, pages: 100, maxBody: 1 << 20}
}

// crawl runs a crawler over pages, and returns it with the lines that it has printed,
// sorted.
func crawl(t *testing.T, o options, set func(c *crawler), addresses ...string) (*crawler, []string) {
	t.Helper()
	var out bytes.Buffer
	c := newCrawler(o, progress{lines: &out})
	if set != nil {
		set(c)
	}
	var starts []*url.URL
	for _, a := range addresses {
		u, err := url.Parse(a)
		require.NoError(t, err)
		starts = append(starts, u)
	}
	require.NoError(t, coro.Run(t.Context(), func(ctx context.Context) error { return c.crawl(ctx, starts) }))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	slices.Sort(lines)
	return c, lines
}

// badServer is net/http's, with answers that go wrong in all ways.
func badServer(t *testing.T) (s *httptest.Server, asked func(path string) int) {
	t.Helper()
	var mu sync.Mutex
	count := map[string]int{}
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		count[r.URL.Path]++
		n := count[r.URL.Path]
		mu.Unlock()
		raw := func(answer string, end func(c *net.TCPConn)) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(c, answer)
				end(c.(*net.TCPConn))
				c.Close()
			}
		}
		switch r.URL.Path {
		case "/good", "/target":
			fmt.Fprint(w, "good")
		case "/silent", "/silent-body":
			if r.URL.Path == "/silent-body" {
				fmt.Fprint(w, "a beginning")
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		case "/cut":
			raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.", func(*net.TCPConn) {})
		case "/reset":
			raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", func(c *net.TCPConn) { _ = c.SetLinger(0) })
		case "/nothing":
			raw("", func(*net.TCPConn) {})
		case "/no-http":
			raw("SSH-2.0-OpenSSH_9.2\r\n", func(*net.TCPConn) {})
		case "/head":
			raw("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 2*maxHeader), func(*net.TCPConn) {})
		case "/hints":
			raw("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", func(*net.TCPConn) {})
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/target", http.StatusMovedPermanently)
		case "/to-nowhere":
			http.Redirect(w, r, "gopher://example.org/", http.StatusFound)
		case "/huge":
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 64<<10))
			}
		case "/flaky", "/busy":
			if n < 3 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(map[string]int{"/flaky": 500, "/busy": 429}[r.URL.Path])
				return
			}
			fmt.Fprint(w, "good")
		case "/broken":
			w.WriteHeader(http.StatusBadGateway)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s, func(path string) int {
		mu.Lock()
		defer mu.Unlock()
		return count[path]
	}
}

// Each way in which a page can go wrong: what it is called, and how often it is asked
// for.
func TestFetchMeetsAServerThatMisbehaves(t *testing.T) {
	s, asked := badServer(t)
	for path, want := range map[string]struct {
		group string
		asked int
		bytes int64
	}{
		"/good":        {"200", 1, 4},
		"/moved":       {"200", 1, 4},
		"/hints":       {"200", 1, 4},
		"/none":        {"404", 1, 19},
		"/silent":      {"timeout", 3, 0},
		"/silent-body": {"timeout", 3, 11},
		"/cut":         {"cut off", 3, 10},
		"/reset":       {"reset", 3, 0},
		"/nothing":     {"cut off", 3, 0},
		"/no-http":     {"other", 3, 0},
		"/head":        {"other", 3, 0},
		"/loop":        {"redirect", maxRedirects, 0},
		"/to-nowhere":  {"redirect", 1, 0},
		"/huge":        {"too large", 1, 1 << 20},
		"/flaky":       {"200", 3, 4},
		"/busy":        {"200", 3, 4},
		"/broken":      {"502", 3, 0},
	} {
		t.Run(path, func(t *testing.T) {
			o := testOptions()
			o.timeout = patience
			if want.group == "timeout" {
				o.timeout = 50 * time.Millisecond
			}
			for before := 0; ; before = asked(path) {
				c, lines := crawl(t, o, nil, s.URL+path)
				require.Len(t, lines, 1)
				g := c.summary.groups[want.group]
				require.NotNil(t, g, "a page that is %q: got %s", want.group, lines)
				require.Equal(t, 1, c.summary.pages)
				times := asked(path) - before
				if want.group == "timeout" && o.timeout < patience && (g.bytes != want.bytes || times != want.asked) {
					o.timeout = min(8*o.timeout, patience) // no try got as far as that
					continue
				}
				require.Equal(t, want.bytes, g.bytes)
				require.Equal(t, want.asked, times)
				return
			}
		})
	}
}

// One page that hangs costs the others nothing but its place.
func TestFetchGoesOnBesidesAPageThatHangs(t *testing.T) {
	s, _ := badServer(t)
	o := testOptions()
	o.limit, o.tries = 2, 1
	addresses := []string{s.URL + "/silent"}
	for i := range 50 {
		addresses = append(addresses, fmt.Sprintf("%s/good?%d", s.URL, i))
	}
	for o.timeout = 500 * time.Millisecond; ; o.timeout = min(8*o.timeout, patience) {
		c, _ := crawl(t, o, nil, addresses...)
		if late := c.summary.groups["timeout"]; late != nil && late.times.TotalCount() > 1 && o.timeout < patience {
			continue // others, too
		}
		require.EqualValues(t, 50, c.summary.groups["200"].times.TotalCount())
		require.EqualValues(t, 1, c.summary.groups["timeout"].times.TotalCount())
		return
	}
}

func TestFetchHoldsItsLimitAndKeepsConnections(t *testing.T) {
	var at, most, conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := at.Add(1)
		defer at.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	var addresses []string
	for i := range 90 {
		addresses = append(addresses, fmt.Sprintf("%s/%d", s.URL, i))
	}
	c, _ := crawl(t, testOptions(), nil, addresses...)
	require.EqualValues(t, 90, c.summary.groups["200"].times.TotalCount())
	require.LessOrEqual(t, most.Load(), int32(4), "requests at a time")
	require.LessOrEqual(t, conns.Load(), int32(4), "connections for 90 requests")
}

// A server that closes a connection after it was kept costs a connection, not a try.
func TestFetchReplacesAKeptConnectionThatWasClosed(t *testing.T) {
	s, _ := badServer(t)
	o := testOptions()
	o.limit, o.tries = 1, 1
	c, _ := crawl(t, o, nil, s.URL+"/good?1", s.URL+"/good?2")
	require.Zero(t, c.summary.failed)

	var out bytes.Buffer
	c = newCrawler(o, progress{lines: &out})
	require.NoError(t, coro.Run(t.Context(), func(ctx context.Context) error {
		first, _ := url.Parse(s.URL + "/good?3")
		require.NoError(t, c.fetch(ctx, first, false).err)
		s.CloseClientConnections()
		return c.fetch(ctx, first, false).err
	}))
}

func TestFetchSpeaksTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	defer s.Close()
	trust := func(c *crawler) {
		c.client.Transport.(*transport).tls.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
	c, _ := crawl(t, testOptions(), trust, s.URL)
	require.EqualValues(t, 6, c.summary.groups["200"].bytes)
	o := testOptions()
	o.tries = 1
	_, lines := crawl(t, o, nil, s.URL)
	require.Contains(t, lines[0], "certificate", "a server that nobody vouches for")

	// A handshake that hangs is within the timeout.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	o.timeout = 50 * time.Millisecond
	c, _ = crawl(t, o, nil, "https://"+ln.Addr().String())
	require.NotNil(t, c.summary.groups["timeout"])
}

func TestFetchRefusesBadArguments(t *testing.T) {
	for _, args := range [][]string{{}, {"-limit", "0", "http://a/"}, {"example.org"}, {"ftp://a/"}, {"-colour"}} {
		out, err := child.Command(args...).CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
	}
}

// Ctrl-C prints what has come of the pages that were done.
func TestFetchPrintsItsSummaryWhenInterrupted(t *testing.T) {
	s, _ := badServer(t)
	cmd := child.Command("-limit", "1", "-timeout", "10m", s.URL+"/good", s.URL+"/silent", s.URL+"/none")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	first := make([]byte, len("200 "+s.URL+"/good"))
	_, err = io.ReadFull(out, first)
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(out)
	require.NoError(t, err)
	require.Error(t, cmd.Wait())
	require.Equal(t, 130, cmd.ProcessState.ExitCode())
	require.Contains(t, string(rest), "ALL")
	require.NotContains(t, string(rest), "timeout")
}
