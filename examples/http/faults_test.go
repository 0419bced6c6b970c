package main

import (
	"context"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/inprocess"
)

func TestHTTPBadRequestsAreToldAndCostOneConnection(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, append(args, "-max-body", "100000")...)
		other := s.dial()
		for name, test := range map[string]struct {
			request string
			want    int
		}{
			"no HTTP":                   {"hello\r\n\r\n", 400},
			"a header without a colon":  {"GET / HTTP/1.1\r\nHost weft\r\n\r\n", 400},
			"a length that is none":     {"POST /echo HTTP/1.1\r\nHost: weft\r\nContent-Length: x\r\n\r\n", 400},
			"a header that is too long": {"GET / HTTP/1.1\r\nHost: weft\r\nX: " + strings.Repeat("x", 9000) + "\r\n\r\n", 431},
			"headers without an end":    {"GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 10_000), 431},
			"a body that is too long":   {"POST /echo HTTP/1.1\r\nHost: weft\r\nContent-Length: 100001\r\n\r\n" + strings.Repeat("x", 100_001), 413},
		} {
			t.Run(name, func(t *testing.T) {
				c := s.dial()
				go func() { _, _ = io.WriteString(c, test.request) }() // it need not be read to its end
				status, _, last := c.hears()
				require.Equal(t, test.want, status)
				require.True(t, last)
				c.ends()
				require.Equal(t, welcome, other.asks("/"))
			})
		}
		t.Run("chunks beyond the limit cut their answer off", func(t *testing.T) {
			c := s.dial()
			go func() {
				_, _ = io.WriteString(c, "POST /echo HTTP/1.1\r\nHost: weft\r\nTransfer-Encoding: chunked\r\n\r\n"+
					strings.Repeat("1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n", 30)+"0\r\n\r\n")
			}()
			a, err := http.ReadResponse(c.in, nil)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, a.Body)
			require.Error(t, err, "a body that ends without its last chunk")
			require.Equal(t, welcome, other.asks("/"))
		})
	})
}

func TestHTTPDeadlinesEndSlowClients(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, append(args, "-header-timeout", "500ms", "-body-timeout", "500ms")...)
		other := s.dial()
		for name, request := range map[string]string{
			"slow headers":            "GET / HTTP/1.1\r\nHost:",
			"a slow body":             "POST /echo HTTP/1.1\r\nHost: weft\r\nContent-Length: 10\r\n\r\nhalf",
			"a slow body, in chunks":  "POST /echo HTTP/1.1\r\nHost: weft\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
			"a long, slow body":       "POST /echo HTTP/1.1\r\nHost: weft\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("x", 9000),
			"a second, slow request":  get("/") + "GET",
			"a request behind a body": "POST /echo HTTP/1.1\r\nHost: weft\r\nContent-Length: 4\r\n\r\nbodyGET",
		} {
			t.Run(name, func(t *testing.T) {
				c := s.dial()
				c.says(request)
				all, err := io.ReadAll(c.in)
				require.NoError(t, err)
				if !strings.Contains(name, "chunks") && !strings.Contains(name, "long") { // there the answer had begun
					require.Contains(t, string(all), "408 Request Timeout")
				}
				require.Equal(t, welcome, other.asks("/"))
			})
		}
	})
}

func TestHTTPServesWithoutDeadlines(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, append(args, "-header-timeout", "0", "-body-timeout", "0", "-answer-timeout", "0", "-idle-timeout", "0")...)
		c := s.dial()
		require.Len(t, c.asks("/bytes?n=1000000"), 1_000_000)
		require.Equal(t, welcome, c.asks("/"))
	})
	require.Zero(t, forLength(0, 100*slowest), "for ever, however long it is")
}

func TestHTTPIdleConnectionsHaveATimeLimit(t *testing.T) {
	s := serving(t, "-idle-timeout", "1s")
	c := s.dial()
	c.asks("/")
	c.ends()
}

// Whoever asks and does not read is stopped by what the sockets hold, and ended by
// the time for an answer.
func TestHTTPAClientThatDoesNotReadIsBounded(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, append(args, "-answer-timeout", "500ms")...)
		other := s.dial()
		c := s.dial()
		c.says(get("/bytes?n=10000")) // less than a second for its length
		c.hears()
		c.says(strings.Repeat(get("/bytes?n=10000"), 1000))
		inprocess.Until(t, "one that waits for room, or its end", func() bool {
			for _, task := range coro.Tasks() {
				if strings.HasPrefix(task.Waits, "write") {
					return true
				}
			}
			loop := coro.Loops()[0]
			return loop.Tasks == 1 && loop.Resting == 1
		})
		require.Equal(t, welcome, other.asks("/"))
		inprocess.Until(t, "its end", func() bool { return rest(t) == 1 })
	})
}

func TestHTTPEndFinishesRequestsUnderWay(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, args...)
		idle, busy, half := s.dial(), s.dial(), s.dial()
		idle.asks("/")
		const slow = 1500 * time.Millisecond
		asked := time.Now()
		busy.says(get("/slow?ms=1500"))
		half.says("POST /echo HTTP/1.1\r\nHost: weft\r\nContent-Length: 10\r\n\r\nhalf,")
		inprocess.Until(t, "both to be under way", func() bool {
			if time.Since(asked) > slow { // the machine has stood still: once more
				busy.hears()
				asked = time.Now()
				busy.says(get("/slow?ms=1500"))
			}
			loop := coro.Loops()[0]
			return loop.Tasks == 3 && loop.Resting == 1
		})
		s.End()
		idle.ends()
		half.says("whole")
		for c, want := range map[*client]string{busy: "waited 1500 ms\n", half: "half,whole"} {
			status, body, last := c.hears()
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, want, body)
			require.True(t, last, "the answer tells that it is the last one")
			c.ends()
			c.Close()
		}
		s.Wait()
	})
}

func TestHTTPAPanicCostsOneRequest(t *testing.T) {
	s := newServer(limits{}, nil)
	s.stopping = context.Background()
	rc := new(fasthttp.RequestCtx)
	rc.Init(new(fasthttp.Request), nil, nil)
	rc.Request.SetRequestURI("/stats") // its connection is none of ours, so it panics
	s.answer(rc)
	require.Equal(t, http.StatusInternalServerError, rc.Response.StatusCode())
	require.True(t, rc.Response.ConnectionClose())
}

func TestHTTPTimesGrowWithTheLength(t *testing.T) {
	require.Equal(t, 10*time.Second, forLength(10*time.Second, noBody))
	require.Equal(t, 10*time.Second, forLength(10*time.Second, slowest-1))
	require.Equal(t, 110*time.Second, forLength(10*time.Second, 100*slowest))
	last := time.Duration(0)
	for n := math.MaxInt; n > 0; n /= 2 {
		if last > 0 {
			require.LessOrEqual(t, forLength(10*time.Second, n), last, n)
		}
		last = forLength(10*time.Second, n)
		require.Positive(t, last, n)
	}
}
