package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func isOneOf(err error, any ...error) bool {
	for _, e := range any {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func TestChurnConnectsForEveryBatch(t *testing.T) {
	var accepted atomic.Int64
	addr := listen(t, func(c net.Conn) {
		accepted.Add(1)
		_, _ = io.Copy(c, c)
	})
	e := dialed(t, one(addr, Group{Role: Churn, Conns: 4, Size: 32, Depth: 2}))
	require.Zero(t, e.Conns(), "they are opened in the run")
	require.NoError(t, e.Touch(t.Context()))
	for range 2 {
		accepted.Store(0)
		m := ran(t, e, 50*time.Millisecond)[0]
		require.GreaterOrEqual(t, m.Received, uint64(2*4))
		require.EqualValues(t, m.Received/2, accepted.Load())
		require.EqualValues(t, m.Received/2, times(t, m.Connect))
		latency, err := m.Latency.Decode()
		require.NoError(t, err)
		connect, err := m.Connect.Decode()
		require.NoError(t, err)
		require.GreaterOrEqual(t, latency.Min(), connect.Min(), "latency is from before the connect")
	}
}

func TestChurnFailsWhenNobodyListensAnyMore(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 10 {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			c.Close()
		}
		ln.Close()
	}()
	e := dialed(t, one(ln.Addr().String(), Group{Role: Churn, Conns: 1, Size: 8}))
	_, err = e.Run(t.Context(), time.Hour)
	require.True(t, isOneOf(err, ErrConnect, ErrClosed), "%v", err)
	<-ended
}

func TestMuteSendsAndNeverReads(t *testing.T) {
	// The server takes everything and answers everything, as far as it gets rid
	// of it; light connections go on beside.
	addr := listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	s := one(addr, Group{Role: Mute, Conns: 2, Size: 1 << 10})
	s.Groups = append(s.Groups, Group{Name: "light", Role: Echo, Conns: 2, Size: 8, Depth: 1})
	e := dialed(t, s)
	// One run is enough, unless we stand still until its end.
	sent := uint64(0)
	for round := 0; round < 2 || sent <= 64<<10 && round < tries; round++ {
		groups := ranDisturbing(t, e, 300*time.Millisecond)
		mute, light := groups[0], groups[1]
		sent += mute.Sent * 1024
		require.Zero(t, mute.Received)
		require.Zero(t, mute.Dropped)
		require.Positive(t, light.Received)
	}
	require.Greater(t, sent, uint64(64<<10))
	require.LessOrEqual(t, e.conns[0].out*1024, uint64(muteMost)+1024)
}

// ranDisturbing is ran for groups whose last batch may be half sent.
func ranDisturbing(t *testing.T, e *Engine, d time.Duration) []Measured {
	t.Helper()
	o, err := e.Run(t.Context(), d)
	require.NoError(t, err)
	require.Empty(t, o.Void)
	return o.Groups
}

func TestMuteAndTrickleMayBeDroppedByTheServer(t *testing.T) {
	for _, role := range []Role{Mute, Trickle} {
		t.Run(string(role), func(t *testing.T) {
			addr := listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
			e := dialed(t, one(addr, Group{Role: role, Conns: 3, Size: 2}))
			// A second is enough, unless the server is late, or we are.
			dropped := 0
			for round := 0; dropped < 3 && round < tries; round++ {
				dropped = ranDisturbing(t, e, 1100*time.Millisecond)[0].Dropped
			}
			require.Equal(t, 3, dropped)
			require.Zero(t, ranDisturbing(t, e, time.Millisecond)[0].Sent, "they are gone")
		})
	}
}

func TestTrickleSendsAByteASecond(t *testing.T) {
	var bytes atomic.Int64
	addr := serve(t, func(_ int, p []byte) ([]byte, bool) {
		bytes.Add(int64(len(p)))
		return p, true
	})
	e := dialed(t, one(addr, Group{Role: Trickle, Conns: 20, Size: 2}))
	require.NoError(t, e.Touch(t.Context()))
	bytes.Store(0)
	m := ranDisturbing(t, e, time.Second)[0]
	require.EqualValues(t, 20, m.Planned, "each has begun a message")
	require.Zero(t, m.Sent)
	require.LessOrEqual(t, bytes.Load(), int64(20))
	m = ranDisturbing(t, e, time.Second)[0]
	require.EqualValues(t, 20, m.Sent, "and ended it with its second byte")
}

func TestHTTPChecksEveryAnswer(t *testing.T) {
	body := strings.Repeat("x", 64)
	good := fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: test\r\ncontent-length: %d\r\n\r\n%s", len(body), body)
	for _, c := range []struct {
		name  string
		later string // answers after the third
		want  string
	}{
		{"that is right", good, ""},
		{"that is not 200", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", `begins with "HTTP/1.1 503 Busy"`},
		{"with another body", strings.Replace(good, "xxx", "xyx", 1), "a body that differs"},
		{"with a longer body", strings.Replace(good, ": 64", ": 65", 1) + "x", "a body of 65 bytes"},
		{"without a length", "HTTP/1.1 200 OK\r\n\r\n", "no Content-Length"},
		{"with a bad length", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "Content-Length is"},
		{"that is not HTTP", "220 hello\r\n\r\n", "begins with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := listen(t, func(conn net.Conn) {
				buf, held, n := make([]byte, 4096), "", 0
				for {
					k, err := conn.Read(buf)
					if err != nil {
						return
					}
					for held += string(buf[:k]); strings.Contains(held, "\r\n\r\n"); n++ {
						_, held, _ = strings.Cut(held, "\r\n\r\n")
						out := good
						if n >= 3 {
							out = c.later
						}
						// In two pieces, which may arrive apart, within the head.
						_, _ = conn.Write([]byte(out[:10]))
						_, _ = conn.Write([]byte(out[10:]))
					}
				}
			})
			e := dialed(t, one(addr, Group{Role: HTTP, Conns: 1, Depth: 2}))
			o, err := e.Exchange(t.Context(), 20)
			if c.want == "" {
				require.NoError(t, err)
				require.EqualValues(t, 40, o.Groups[0].Received)
				return
			}
			require.ErrorIs(t, err, ErrHTTP)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestHTTPRefusesAHeadWithoutEnd(t *testing.T) {
	addr := serve(t, func(int, []byte) ([]byte, bool) { return []byte(strings.Repeat("x: y\r\n", 3000)), true })
	e := dialed(t, one(addr, Group{Role: HTTP, Conns: 1}))
	_, err := e.Exchange(t.Context(), 1)
	require.ErrorIs(t, err, ErrHTTP)
	require.ErrorContains(t, err, "no end of the head")
}
