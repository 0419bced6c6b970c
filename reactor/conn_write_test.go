package reactor

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft/poller"
)

func TestWriteToAPeerThatDoesNotReadIsBounded(t *testing.T) {
	t.Run("by the marks, in a simulated kernel", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		_, slow := f.conn(t, l, ConnOptions{}, echoing{})
		other, quick := f.conn(t, l, ConnOptions{}, echoing{})
		slow.room = 1000
		want := pattern(1 << 20)
		f.feed(slow, string(want))
		settle(t, l, f)
		c := l.slots.find(slow.token)
		require.NotNil(t, c)
		conn := l.conns.first.next // the first one added
		require.NotSame(t, other, conn)
		bound := conn.opts.HighWater + l.limits.ReadBuffer
		require.LessOrEqual(t, conn.Unsent(), bound, "bytes waiting for a peer that does not read")
		require.NotZero(t, len(slow.in), "bytes left in the kernel: reading has stopped")
		f.feed(quick, "hello")
		settle(t, l, f)
		require.Equal(t, "hello", string(quick.out), "what the other connection gets")
		for len(slow.out) < len(want) {
			before := len(slow.out)
			f.makeRoom(slow, 10_000)
			settle(t, l, f)
			require.LessOrEqual(t, conn.Unsent(), bound)
			require.Greater(t, len(slow.out), before, "bytes written after room was made")
		}
		require.True(t, bytes.Equal(want, slow.out), "bytes differ")
	})

	t.Run("and every byte arrives later", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			var conn *Conn
			s := e.serve(ListenOptions{}, always(&calls{data: func(c *Conn, b []byte) int {
				conn = c
				_, err := c.Write(b)
				require.NoError(t, err)
				require.LessOrEqual(t, c.Unsent(), c.opts.HighWater+64<<10, "unsent bytes of an echo")
				return len(b)
			}}))
			c := e.dial(s.listener)
			want := pattern(16 << 20)
			sent := make(chan error, 1)
			go func() { _, err := c.Write(want); sent <- err }()
			s.until("the high-water mark", func() bool { return conn != nil && conn.paused&pausedByOutput != 0 })
			for range 100 {
				other := e.dial(s.listener)
				pingPong(t, other, "unhurt")
				require.NoError(t, other.Close())
			}
			got := make([]byte, len(want))
			_, err := io.ReadFull(c, got)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), "echo differs")
			require.NoError(t, wait(t, sent, "the writer"))
		})
	})
}

func TestOnWritableIsCalledOnceForEachCrossing(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	writable := 0
	c, file := f.conn(t, l, ConnOptions{HighWater: 1000, LowWater: 300}, &calls{writable: func(c *Conn) {
		writable++
		require.Less(t, c.Unsent(), 300, "unsent bytes when OnWritable is called")
	}})
	file.room = 0
	for crossing := 1; crossing <= 3; crossing++ {
		_, _ = c.Write(pattern(600))
		settle(t, l, f)
		require.Zero(t, c.paused, "paused below the high-water mark")
		_, _ = c.Write(pattern(600))
		require.NotZero(t, c.paused&pausedByOutput, "paused above the high-water mark")
		settle(t, l, f)
		f.makeRoom(file, 600) // 600 left: between the marks
		settle(t, l, f)
		require.Equal(t, crossing-1, writable, "calls of OnWritable between the marks")
		f.makeRoom(file, 400) // 200 left
		settle(t, l, f)
		require.Equal(t, crossing, writable, "calls of OnWritable below the low-water mark")
		require.Zero(t, c.paused)
		f.makeRoom(file, 1000)
		settle(t, l, f)
		require.Zero(t, c.Unsent())
		file.room = 0
	}
	require.Equal(t, 3, writable)
}

// A producer that writes up to the mark and goes on in OnWritable.
func TestWriteFromOnWritableSendsEverything(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		want := pattern(8 << 20)
		s := e.serve(ListenOptions{}, func(*Conn) Handler {
			rest := want
			produce := func(c *Conn) {
				for len(rest) > 0 && c.Unsent() <= c.opts.HighWater {
					n, err := c.Write(rest[:min(len(rest), 30_000)])
					require.NoError(t, err)
					rest = rest[n:]
				}
				if len(rest) == 0 {
					_ = c.CloseWrite()
				}
			}
			return &calls{open: produce, writable: produce}
		})
		got, err := io.ReadAll(e.dial(s.listener))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "got %d bytes, want %d, or others", len(got), len(want))
	})
}

func TestWritevOfManySlicesIsByteExact(t *testing.T) {
	const slices, size = 2000, 25 // more slices than one writev takes
	var bufs [][]byte
	all := pattern(slices * size)
	for i := range slices {
		bufs = append(bufs, all[i*size:(i+1)*size])
	}
	for name, most := range map[string]int{"The kernel takes what it likes": 0, "It takes 1 byte at a time": 1, "It takes 4097 bytes at a time": 4097} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				o := ListenOptions{}
				o.SendBuffer, o.ReceiveBuffer = 1, 1 // the kernel's least
				s := e.serve(o, always(&calls{open: func(c *Conn) {
					n, err := c.Writev(bufs)
					require.NoError(t, err)
					require.Equal(t, len(all), n)
					require.NoError(t, c.Close())
				}}))
				s.do(func() { s.os.writeMost = most })
				got, err := io.ReadAll(e.dial(s.listener))
				require.NoError(t, err)
				require.True(t, bytes.Equal(all, got), "got %d bytes, want %d, or others", len(got), len(all))
				s.do(func() { require.Equal(t, s.Stats().BytesQueued, s.Stats().BytesWritten) })
			})
		})
	}
}

// The model is a byte slice that holds what was written.
func TestConnWritesAreByteExactUnderPartialWrites(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, f := newFakeLoop(t, Options{Limits: Limits{BytesPerTurn: rapid.IntRange(1, 100_000).Draw(rt, "budget")}})
		c, file := f.conn(t, l, ConnOptions{HighWater: 20_000}, NopHandler{})
		file.room = 0
		var model []byte
		size := rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, 40_000))
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(rt *rapid.T) {
				p := pattern(size.Draw(rt, "n"))
				n, err := c.Write(p)
				require.NoError(rt, err)
				require.Equal(rt, len(p), n)
				model = append(model, p...)
			},
			"room": func(rt *rapid.T) { f.makeRoom(file, size.Draw(rt, "room")) },
			"turn": func(rt *rapid.T) { turn(t, l) },
			"": func(rt *rapid.T) {
				require.Equal(rt, len(model)-len(file.out), c.Unsent(), "unsent bytes")
				require.True(rt, bytes.HasPrefix(model, file.out), "bytes sent are not those written")
			},
		})
		f.makeRoom(file, -1)
		settle(t, l, f)
		require.True(rt, bytes.Equal(model, file.out), "bytes sent in the end: got %d, want %d, or others", len(file.out), len(model))
	})
}

func TestWritesOfOneDispatchAreOneSystemCall(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(&calls{data: func(c *Conn, b []byte) int {
			for range 100 {
				_, _ = c.Write(b)
			}
			return len(b)
		}}))
		c := e.dial(s.listener)
		read := func(n int) {
			_, err := io.ReadFull(c, make([]byte, n))
			require.NoError(t, err)
		}
		_, err := io.WriteString(c, "0123456789")
		require.NoError(t, err)
		read(1000)
		require.EqualValues(t, 1, s.os.writes.Load()+s.os.writevs.Load(), "write calls for 100 writes in OnData")

		var conn *Conn
		s.do(func() { conn = s.conns.first })
		s.do(func() {
			for range 100 {
				_, _ = conn.Write(make([]byte, 100)) // three chunks of memory
			}
		})
		read(10_000)
		require.EqualValues(t, 2, s.os.writes.Load()+s.os.writevs.Load(), "write calls after 100 writes in a posted function")
	})
}

// A closed, and its number taken by B: nothing meant for A reaches B.
func TestConnOfAReusedDescriptorGetsNothingOfItsPredecessor(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		conns := make(chan *Conn, 1)
		s := e.serve(ListenOptions{}, always(&calls{
			open: func(c *Conn) { conns <- c },
			data: func(c *Conn, b []byte) int { _, _ = c.Write(b); return len(b) },
		}))
		reused := 0
		peer := e.dial(s.listener)
		last := wait(t, conns, "a connection")
		for range 20 {
			var fd poller.FD
			a := last
			s.do(func() { fd = a.FD() })
			// Others go on writing to A while it is closed.
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					default:
						ran := make(chan struct{})
						if s.Post(func() { _, _ = a.Write([]byte("for A")); close(ran) }) != nil {
							return
						}
						select { // one at a time: a flood would only fill the queue
						case <-ran:
						case <-s.ended:
						}
					}
				}
			}()
			s.do(func() { require.NoError(t, a.Abort()) })
			require.NoError(t, peer.Close())
			peer = e.dial(s.listener)
			b := wait(t, conns, "a connection")
			s.do(func() {
				if b.FD() == fd {
					reused++
				}
			})
			pingPong(t, peer, "for B")
			close(stop)
			wait(t, stopped, "the writer")
			pingPong(t, peer, "for B again")
			last = b
		}
		require.Positive(t, reused, "times a descriptor's number was used again")
	})
}
