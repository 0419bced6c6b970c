package reactor

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHalfCloseIsAnswered(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		reasons := make(chan error, 1)
		s := e.serve(ListenOptions{}, func(*Conn) Handler {
			var request []byte
			return &calls{
				data: func(_ *Conn, b []byte) int { request = append(request, b...); return len(b) },
				eof: func(c *Conn) {
					// The answer comes later than the callback.
					_ = c.Loop().Post(func() {
						_, err := c.Write(append([]byte("you said "), request...))
						require.NoError(t, err)
						require.NoError(t, c.CloseWrite())
					})
				},
				closed: func(_ *Conn, err error) { reasons <- err },
			}
		})
		c := e.dial(s.listener)
		_, err := io.WriteString(c, "hello")
		require.NoError(t, err)
		require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
		answer, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "you said hello", string(answer))
		require.NoError(t, wait(t, reasons, "OnClose: both directions have ended"))
	})
}

// overHighWater writes until the high-water mark is crossed. The peer must not
// read meanwhile, or it goes on for ever.
func overHighWater(c *Conn) {
	for c.Unsent() <= c.opts.HighWater {
		if _, err := c.Write(make([]byte, 1<<20)); err != nil {
			panic(err)
		}
	}
}

func TestCloseWriteWorksInsideEveryCallback(t *testing.T) {
	end := func(c *Conn) { _ = c.CloseWrite() }
	for name, h := range map[string]*calls{
		"OnOpen":     {open: end},
		"OnData":     {data: func(c *Conn, b []byte) int { end(c); return len(b) }},
		"OnEOF":      {eof: end},
		"OnWritable": {data: func(c *Conn, b []byte) int { overHighWater(c); return len(b) }, writable: end},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				reasons := make(chan error, 1)
				s := e.serve(ListenOptions{}, always(&calls{open: h.open, data: h.data, writable: h.writable, eof: h.eof,
					closed: func(_ *Conn, err error) { reasons <- err }}))
				c := e.dial(s.listener)
				_, err := io.WriteString(c, "hello")
				require.NoError(t, err)
				if name == "OnEOF" {
					require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
				}
				if name == "OnWritable" {
					s.until("the high-water mark", func() bool { return s.Stats().BytesQueued > 0 })
				}
				_, err = io.Copy(io.Discard, c)
				require.NoError(t, err, "reading up to the FIN of CloseWrite")
				require.NoError(t, c.Close())
				require.NoError(t, wait(t, reasons, "OnClose"))
			})
		})
	}
}

func TestCloseWorksInsideEveryCallback(t *testing.T) {
	for name, end := range map[string]func(*Conn){"Close": func(c *Conn) { _ = c.Close() }, "Abort": func(c *Conn) { _ = c.Abort() }} {
		for where, h := range map[string]*calls{
			"OnOpen":     {open: end},
			"OnData":     {data: func(c *Conn, b []byte) int { end(c); return len(b) }},
			"OnEOF":      {eof: end},
			"OnWritable": {data: func(c *Conn, b []byte) int { overHighWater(c); return len(b) }, writable: end},
			"OnClose":    {data: func(c *Conn, b []byte) int { end(c); return 0 }, closed: func(c *Conn, _ error) { end(c) }},
		} {
			t.Run(name+" in "+where, func(t *testing.T) {
				onEveryBackend(t, func(t *testing.T, e *env) {
					reasons := make(chan error, 10)
					s := e.serve(ListenOptions{}, always(&calls{open: h.open, data: h.data, eof: h.eof, writable: h.writable,
						closed: func(c *Conn, err error) {
							if h.closed != nil {
								h.closed(c, err)
							}
							reasons <- err
						}}))
					// The peer may see a reset at any point, also while it connects.
					if c, err := net.Dial(e.network, s.listener.Addr().String()); err == nil {
						_, _ = io.WriteString(c, "hello")
						if where == "OnEOF" {
							_ = c.(interface{ CloseWrite() error }).CloseWrite()
						}
						if where == "OnWritable" {
							s.until("the high-water mark", func() bool { return s.Stats().BytesQueued > 0 })
						}
						_, _ = io.Copy(io.Discard, c)
						require.NoError(t, c.Close())
					}
					reason := wait(t, reasons, "OnClose")
					if name == "Abort" {
						require.Equal(t, ErrAborted, reason)
					}
					s.do(func() { require.Zero(t, s.Stats().Conns) })
					require.Empty(t, reasons, "a second OnClose")
				})
			})
		}
	}
}
