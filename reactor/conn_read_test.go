package reactor

import (
	"bytes"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

func TestReadDeliversEverythingBeforeTheEnd(t *testing.T) {
	t.Run("4 MB, then FIN", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			want := pattern(4 << 20)
			all := make(chan []byte, 1)
			s := e.serve(ListenOptions{}, func(*Conn) Handler {
				var got []byte
				return &calls{
					data:   func(_ *Conn, b []byte) int { got = append(got, b...); return len(b) },
					closed: func(_ *Conn, err error) { require.NoError(t, err); all <- got },
				}
			})
			c := e.dial(s.listener)
			_, err := c.Write(want)
			require.NoError(t, err)
			require.NoError(t, c.Close())
			got := wait(t, all, "OnClose")
			require.True(t, bytes.Equal(want, got), "got %d bytes or others, want %d", len(got), len(want))
		})
	})

	t.Run("Data and FIN in one event", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			l, _ := e.loop(Options{})
			var order []string
			ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(&calls{
				data:   func(_ *Conn, b []byte) int { order = append(order, string(b)); return len(b) },
				eof:    func(c *Conn) { order = append(order, "EOF"); _ = c.Close() },
				closed: func(*Conn, error) { order = append(order, "close") },
			}))
			require.NoError(t, err)
			c := e.dial(ln)
			_, err = io.WriteString(c, "last words")
			require.NoError(t, err)
			require.NoError(t, c.Close())
			for len(order) < 3 {
				require.NoError(t, l.Turn(stuck))
			}
			require.Equal(t, []string{"last words", "EOF", "close"}, order)
		})
	})

	t.Run("Also when a write fails first", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			l, _ := e.loop(Options{})
			var conn *Conn
			var got []byte
			var end ended
			ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(&calls{
				open:   func(c *Conn) { conn = c },
				data:   func(_ *Conn, b []byte) int { got = append(got, b...); return len(b) },
				closed: end.on,
			}))
			require.NoError(t, err)
			c := e.dial(ln)
			for conn == nil {
				require.NoError(t, l.Turn(stuck))
			}
			// The peer says something and is gone; nobody has looked yet when
			// the write meets the reset.
			_, err = io.WriteString(c, "last words")
			require.NoError(t, err)
			require.NoError(t, c.Close())
			for conn.output == outputOpen {
				n, err := conn.Write(make([]byte, 20_000))
				require.True(t, n == 20_000 || err != nil)
			}
			require.Empty(t, got, "data before the loop has turned")
			_, err = conn.Write([]byte("x"))
			require.Error(t, err, "Write after a write failed")
			for len(end.reasons) == 0 {
				require.NoError(t, l.Turn(stuck))
			}
			require.Equal(t, "last words", string(got))
			var oe *net.OpError
			require.ErrorAs(t, end.reasons[0], &oe)
			require.Equal(t, "write", oe.Op)
			st := l.Stats()
			require.Equal(t, st.BytesQueued, st.BytesWritten+st.BytesDiscarded)
		})
	})
}

func TestReadOffersUnconsumedBytesAgain(t *testing.T) {
	t.Run("at once, without a new event, when some were consumed", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		var got []string
		_, file := f.conn(t, l, ConnOptions{}, &calls{data: func(_ *Conn, b []byte) int { got = append(got, string(b)); return 2 }})
		f.feed(file, "aabbcc")
		settle(t, l, f)
		require.Equal(t, []string{"aabbcc", "bbcc", "cc"}, got)
	})

	t.Run("together with the next bytes, when none were", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		var got []string
		c, file := f.conn(t, l, ConnOptions{}, &calls{data: func(_ *Conn, b []byte) int {
			got = append(got, string(b))
			if len(b) < 6 {
				return 0
			}
			return 5
		}})
		for _, s := range []string{"aa", "bb", "cc", "dd"} {
			f.feed(file, s)
			settle(t, l, f)
		}
		require.Equal(t, []string{"aa", "aabb", "aabbcc", "c", "cdd"}, got)
		require.Equal(t, "cdd", string(c.unconsumed))
	})

	// Found by poller/sim/exercise, seed 124.
	t.Run("and not behind the end", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		var got []string
		c, file := f.conn(t, l, ConnOptions{HighWater: 10}, &calls{
			data: func(_ *Conn, b []byte) int { got = append(got, string(b)); return 0 },
			eof: func(c *Conn) {
				got = append(got, "EOF")
				_, _ = c.Write(make([]byte, 100)) // pauses reading, up to its flush
			},
		})
		f.feed(file, "half a messa")
		f.finish(file, io.EOF)
		settle(t, l, f)
		require.Equal(t, []string{"half a messa", "EOF"}, got)
		require.Zero(t, c.Unsent())
		require.Nil(t, c.unconsumed, "memory for what will never be offered")
	})

	t.Run("and does not spin on a handler that consumes nothing", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{Limits: Limits{BytesPerTurn: 1000}})
		offered := 0
		c, file := f.conn(t, l, ConnOptions{}, &calls{data: func(*Conn, []byte) int { offered++; return 0 }})
		f.feed(file, "half a message")
		settle(t, l, f)
		require.Equal(t, 1, offered, "calls of OnData for one arrival")
		// Neither do other things that keep the connection busy: a long queue
		// of output here, which takes many turns.
		file.room = 0
		_, err := c.Write(pattern(2 << 20))
		require.NoError(t, err)
		settle(t, l, f)
		carried := l.Stats().Spent.Bytes
		f.makeRoom(file, 1<<20)
		settle(t, l, f)
		require.Greater(t, l.Stats().Spent.Bytes, carried+3, "turns over budget")
		for range 10 {
			f.event(file, poller.Readable|poller.Writable)
			settle(t, l, f)
		}
		require.Equal(t, 1, offered, "calls of OnData without a new byte")
		require.NoError(t, l.Turn(-1))
		require.EqualValues(t, -1, f.timeout, "timeout of a wait with nothing to do")
	})

	t.Run("after a pause", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		var got []string
		c, file := f.conn(t, l, ConnOptions{}, &calls{data: func(c *Conn, b []byte) int {
			got = append(got, string(b))
			require.NoError(t, c.PauseRead())
			return 1
		}})
		f.feed(file, "abc")
		settle(t, l, f)
		for range 3 {
			require.NoError(t, c.ResumeRead())
			settle(t, l, f)
		}
		require.Equal(t, []string{"abc", "bc", "c"}, got)
	})

	t.Run("in memory that shrinks with them", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		l.poison = false // which moves them every time
		c, file := f.conn(t, l, ConnOptions{}, &calls{data: func(_ *Conn, b []byte) int {
			if len(b) < 500_000 {
				return 0
			}
			return len(b) - 10
		}})
		f.feed(file, string(pattern(500_000)))
		settle(t, l, f)
		require.Equal(t, 10, len(c.unconsumed), "unconsumed bytes")
		require.LessOrEqual(t, cap(c.unconsumed), unconsumedKeep, "memory held for 10 unconsumed bytes")
	})

	t.Run("up to ConnOptions.MaxUnconsumed", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			reasons := make(chan error, 1)
			s := e.serve(ListenOptions{Conn: ConnOptions{MaxUnconsumed: 10_000}}, always(&calls{
				data:   func(_ *Conn, b []byte) int { return 0 },
				closed: func(_ *Conn, err error) { reasons <- err },
			}))
			c := e.dial(s.listener)
			_, _ = c.Write(make([]byte, 20_000))
			require.ErrorIs(t, wait(t, reasons, "OnClose"), ErrInputLimit)
		})
	})
}

func TestReadBuffersArePoisonedAfterUse(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	var kept [][]byte
	_, file := f.conn(t, l, ConnOptions{}, &calls{data: func(_ *Conn, b []byte) int {
		kept = append(kept, b)
		if len(b) == 6 {
			return 6
		}
		return min(len(b), 1)
	}})
	f.feed(file, "abc")
	settle(t, l, f)
	for _, b := range kept {
		require.Equal(t, byte(0xDB), b[0], "first byte of a slice the handler consumed and kept")
	}
	// What is kept for the handler is in another slice, which it must not keep
	// either.
	kept = nil
	_, file = f.conn(t, l, ConnOptions{}, &calls{data: func(_ *Conn, b []byte) int {
		kept = append(kept, b)
		if len(b) == 6 {
			return 6
		}
		return 0
	}})
	f.feed(file, "abc")
	settle(t, l, f)
	f.feed(file, "def")
	settle(t, l, f)
	require.Len(t, kept, 2)
	require.Equal(t, bytes.Repeat([]byte{0xDB}, 6), kept[1], "bytes of a slice the handler consumed and kept")
}

func TestPauseReadStopsOnDataUntilResumeRead(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		conns := make(chan *Conn, 1)
		var got []byte
		ended := false
		s := e.serve(ListenOptions{}, always(&calls{
			open: func(c *Conn) { require.NoError(t, c.PauseRead()); conns <- c },
			data: func(_ *Conn, b []byte) int { got = append(got, b...); return len(b) },
			eof:  func(c *Conn) { ended = true; _ = c.Close() },
		}))
		peer := e.dial(s.listener)
		c := wait(t, conns, "the connection")
		_, err := io.WriteString(peer, "there before ResumeRead")
		require.NoError(t, err)
		require.NoError(t, peer.Close())
		s.until("the event of what is there", func() bool { return c.src.Ready(In) })
		s.do(func() {
			require.Empty(t, got, "data while reading is paused")
			require.False(t, ended, "OnEOF while reading is paused")
			require.NoError(t, c.ResumeRead())
		})
		s.until("the end", func() bool { return ended })
		require.Equal(t, "there before ResumeRead", string(got))
	})
}

// Nobody reads, and nobody is told again and again.
func TestLoopSleepsWhileUnreadBytesAreThere(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		l, p := e.loop(Options{})
		var conn *Conn
		ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(&calls{open: func(c *Conn) { conn = c; _ = c.PauseRead() }}))
		require.NoError(t, err)
		peer := e.dial(ln)
		for conn == nil {
			require.NoError(t, l.Turn(stuck))
		}
		_, err = io.WriteString(peer, "nobody reads this")
		require.NoError(t, err)
		require.NoError(t, peer.Close())
		for !conn.src.Ready(In) {
			require.NoError(t, l.Turn(stuck))
		}
		for range 20 { // whatever else has to be said
			turn(t, l)
		}
		events, reads := l.Stats().Events, p.reads.Load()
		for range 20 {
			turn(t, l)
		}
		require.Equal(t, events, l.Stats().Events, "events with nothing new")
		require.Equal(t, reads, p.reads.Load(), "read calls with nothing new")
	})
}

func TestReadErrorIsAnOpError(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		reasons := make(chan error, 1)
		s := e.serve(ListenOptions{}, always(&calls{closed: func(_ *Conn, err error) { reasons <- err }}))
		c := e.dial(s.listener).(*net.TCPConn)
		require.NoError(t, c.SetLinger(0))
		require.NoError(t, c.Close()) // a reset
		err := wait(t, reasons, "OnClose")
		require.ErrorIs(t, err, syscall.ECONNRESET)
		var oe *net.OpError
		require.ErrorAs(t, err, &oe)
		require.Equal(t, "read", oe.Op)
		require.Equal(t, "tcp", oe.Net)
		require.NotNil(t, oe.Addr)
		var se *os.SyscallError
		require.ErrorAs(t, err, &se)
	})
}

func TestConnSurvivesSpuriousEvents(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		c := e.dial(s.listener)
		for _, r := range []poller.Readiness{0, poller.Readable, poller.Writable, poller.Readable | poller.Writable | poller.HangUp | poller.Urgent} {
			s.do(func() {
				for conn := range s.conns.all {
					s.os.event(conn.FD(), r)
				}
				s.os.event(s.listener.src.fd, r)
			})
			pingPong(t, c, "hello")
			pingPong(t, e.dial(s.listener), "hello")
		}
		s.do(func() { require.Equal(t, 5, s.Stats().Conns) })
	})
}
