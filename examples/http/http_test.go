package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
	"github.com/weft-go/weft/examples/internal/inprocess"
)

func TestHTTPRefusesBadArguments(t *testing.T) {
	child.RefusesBadArguments(t)
	for _, args := range [][]string{{"-max-header", "0"}, {"-max-body", "-1"}, {"-max-conns", "-1"}, {"-header-timeout", "-1s"}, {"-idle-timeout", "-1s"}} {
		out, err := child.Command(append(args, "-addr", "127.0.0.1:99999")...).CombinedOutput() // or it would go on
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
		require.Contains(t, string(out), args[0])
	}
}

func TestHTTPAnswersOneRequestAfterAnother(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, args...)
		c := s.dial()
		require.Equal(t, welcome, c.asks("/"))
		for _, n := range []int{0, 1, writeBuffer, 1 << 20} {
			require.Equal(t, n, len(c.asks(fmt.Sprintf("/bytes?n=%d", n))))
		}
		require.Equal(t, "waited 5 ms\n", c.asks("/slow?ms=5"))
		for path, want := range map[string]int{"/none": 404, "/bytes": 400, "/bytes?n=-1": 400, "/slow?ms=99999999": 400, "/slow?ms=9223372036854775807": 400} {
			c.says(get(path))
			status, _, _ := c.hears()
			require.Equal(t, want, status, path)
		}
		require.Contains(t, c.asks("/stats"), `"requests":12,"refused":5,"tasks":2,"idle_connections":0}`)
		require.Equal(t, 1, rest(t), "the connection, idle, without a task")
		require.Equal(t, welcome, c.asks("/"))
	})
}

func TestHTTPIdleConnectionsHaveNoTask(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, args...)
		var open []*client
		for range 50 {
			c := s.dial()
			c.asks("/")
			open = append(open, c)
		}
		require.Equal(t, 50, rest(t))
		for range 3 {
			for _, c := range open {
				c.asks("/")
			}
		}
		require.Equal(t, 50, rest(t))
		for _, c := range open {
			c.Close()
		}
		inprocess.Until(t, "the end of all connections", func() bool { return rest(t) == 0 })
	})
}

// Requests come in pieces of any size: several at once, half a one, byte by byte.
func TestHTTPPipelinedRequestsAreAllAnswered(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, args...)
		var requests strings.Builder
		var want []string
		for i := range 60 {
			body := strings.Repeat("x", i*i)
			fmt.Fprintf(&requests, "POST /echo HTTP/1.1\r\nHost: weft\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			want = append(want, body)
		}
		text := requests.String()
		for _, piece := range []int{len(text), 4096, 1000, 97} {
			c := s.dial()
			go func() {
				for at := 0; at < len(text); at += piece {
					_, _ = io.WriteString(c, text[at:min(at+piece, len(text))])
				}
			}()
			for i := range want {
				status, body, _ := c.hears()
				require.Equal(t, http.StatusOK, status)
				require.Equal(t, want[i], body, "answer %d to requests in pieces of %d bytes", i, piece)
			}
			require.Equal(t, welcome, c.asks("/"))
		}
	})
}

// A slow answer makes the requests behind it wait in fasthttp's buffer, with
// nothing left in the socket to wake anybody.
func TestHTTPRequestsBehindASlowOneAreNotForgotten(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, args...)
		c := s.dial()
		c.says(get("/slow?ms=20"), get("/"), get("/bytes?n=3"), "GET /")
		for _, want := range []string{"waited 20 ms\n", welcome, "\x00\x00\x00"} {
			_, body, _ := c.hears()
			require.Equal(t, want, body)
		}
		c.says(" HTTP/1.1\r\nHost: weft\r\n\r\n")
		_, body, _ := c.hears()
		require.Equal(t, welcome, body)
	})
}

// Over TLS a record may come in pieces, or two of them at once: what tls.Conn has in
// its own buffer does not wake a handler.
func TestHTTPRecordsOfTLSInPieces(t *testing.T) {
	s := serving(t, "-tls")
	conn, err := net.Dial("tcp", s.Addr)
	require.NoError(t, err)
	defer conn.Close()
	pieces := &pieces{Conn: conn}
	secure := tls.Client(pieces, &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, secure.Handshake())
	c := &client{Conn: secure, t: t, in: bufio.NewReader(secure)}
	c.asks("/")
	pieces.hold = true
	c.says(get("/"))
	c.says(get("/bytes?n=5"))
	records := pieces.held.Bytes()
	for _, cut := range []int{0, 1, 4, 5, 6, len(records) / 2, len(records) / 2 * 2} {
		require.Equal(t, 1, rest(t), "nobody waits for the rest of a record")
		_, err := conn.Write(records[:cut])
		require.NoError(t, err)
		records = records[cut:]
		if cut > 6 {
			break
		}
	}
	_, err = conn.Write(records)
	require.NoError(t, err)
	for _, want := range []string{welcome, "\x00\x00\x00\x00\x00"} {
		_, body, _ := c.hears()
		require.Equal(t, want, body)
	}
	require.Equal(t, 1, rest(t))
}

// pieces is a connection that can keep what is written to it.
type pieces struct {
	net.Conn
	hold bool
	held bytes.Buffer
}

func (p *pieces) Write(b []byte) (int, error) {
	if p.hold {
		return p.held.Write(b)
	}
	return p.Conn.Write(b)
}

func TestHTTPBodiesAreStreamedBothWays(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, append(args, "-body-timeout", patience.String())...)
		const size = 20 << 20
		want := make([]byte, size)
		_, _ = rand.Read(want) // never fails
		for _, framing := range []string{"Content-Length: " + fmt.Sprint(size), "Transfer-Encoding: chunked"} {
			c := s.dial()
			go func() {
				c.says("POST /echo HTTP/1.1\r\nHost: weft\r\n" + framing + "\r\n\r\n")
				for rest := want; len(rest) > 0; {
					n := min(100_000, len(rest))
					if framing[0] == 'T' {
						fmt.Fprintf(c, "%x\r\n%s\r\n", n, rest[:n])
					} else {
						_, _ = c.Write(rest[:n])
					}
					rest = rest[n:]
				}
				if framing[0] == 'T' {
					_, _ = io.WriteString(c, "0\r\n\r\n")
				}
			}()
			status, body, _ := c.hears()
			require.Equal(t, http.StatusOK, status)
			require.True(t, string(want) == body, "got %d bytes of %d, or others", len(body), size)
			require.Equal(t, welcome, c.asks("/"))
		}
	})
}

func TestHTTPExpectContinue(t *testing.T) {
	s := serving(t, "-max-body", "1000")
	c := s.dial()
	const expecting = "POST /echo HTTP/1.1\r\nHost: weft\r\nExpect: 100-continue\r\nContent-Length: "
	c.says(expecting + "5\r\n\r\n")
	status, _, _ := c.hears()
	require.Equal(t, http.StatusContinue, status)
	c.says("hello")
	status, body, _ := c.hears()
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "hello", body)
	c.says(expecting + "1001\r\n\r\n")
	status, _, last := c.hears()
	require.Equal(t, http.StatusRequestEntityTooLarge, status, "refused before it was sent")
	require.True(t, last)
	c.ends()
}

func TestHTTPConnectionsEndWhenAsked(t *testing.T) {
	both(t, func(t *testing.T, args []string) {
		s := serving(t, args...)
		for _, request := range []string{
			"GET / HTTP/1.1\r\nHost: weft\r\nConnection: close\r\n\r\n",
			"GET / HTTP/1.0\r\n\r\n",
		} {
			c := s.dial()
			c.says(request)
			_, body, last := c.hears()
			require.Equal(t, welcome, body)
			require.True(t, last)
			c.ends()
		}
		c := s.dial()
		c.says("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		_, _, last := c.hears()
		require.False(t, last)
		c.asks("/")
	})
}
