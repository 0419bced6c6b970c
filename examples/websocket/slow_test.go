package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller/sim"
)

// raw is a client that knows no WebSocket: what it sends, and how long until the
// server has ended the connection.
func raw(t *testing.T, w *sim.World, send func(ctx context.Context, c *coro.Conn) error) (lived time.Duration) {
	w.Host("client").Go("raw", on(func(ctx context.Context) error {
		c, err := coro.Dial(ctx, "tcp", "server:80")
		if err != nil {
			return err
		}
		defer c.Close()
		began := time.Now()
		if err := send(ctx, c); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, c)
		lived = time.Since(began)
		var reset *net.OpError
		if errors.As(err, &reset) {
			err = nil // the server does not wait for what it does not want
		}
		return err
	}))
	require.NoError(t, w.Run())
	return lived
}

// write sends a text, in pieces if there is a pause between them.
func write(ctx context.Context, c *coro.Conn, text string, piece int, pause time.Duration) error {
	for len(text) > 0 {
		n := min(piece, len(text))
		if _, err := io.WriteString(c, text[:n]); err != nil {
			return nil // the server has had enough
		}
		text = text[n:]
		if err := coro.Sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

func TestServerEndsWhatDoesNotGoOn(t *testing.T) {
	upgrade := request("server", "/echo")
	text, err := ws.CompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("a long story, told slowly"))))
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		send func(ctx context.Context, c *coro.Conn) error
		in   time.Duration // at most
	}{
		{"a connection without a word", func(context.Context, *coro.Conn) error { return nil },
			2 * (pingAfter + answerWithin)},
		{"a handshake in drops", func(ctx context.Context, c *coro.Conn) error {
			return write(ctx, c, upgrade, 1, time.Second)
		}, handshakeWithin + answerWithin + time.Second},
		{"a client that does not answer pings", func(ctx context.Context, c *coro.Conn) error {
			return write(ctx, c, upgrade, len(upgrade), 0)
		}, pingAfter + answerWithin},
		{"a message in drops", func(ctx context.Context, c *coro.Conn) error {
			return write(ctx, c, upgrade+string(text), len(upgrade), 2*time.Second)
		}, pingAfter + answerWithin + 4*time.Second},
		{"a message that stops", func(ctx context.Context, c *coro.Conn) error {
			return write(ctx, c, upgrade+string(text[:10]), 1000, 0)
		}, pingAfter + answerWithin},
		{"a close that is not answered", func(ctx context.Context, c *coro.Conn) error {
			return write(ctx, c, upgrade+"\x81\x00", 1000, 0)
		}, answerWithin},
		{"a client that never reads", func(ctx context.Context, c *coro.Conn) error {
			message, err := ws.CompileFrame(ws.MaskFrame(ws.NewBinaryFrame(make([]byte, 1<<20))))
			if err != nil {
				return err
			}
			// 40 MB of echo: more than fits anywhere.
			return write(ctx, c, upgrade+strings.Repeat(string(message), 40), len(upgrade), 0)
		}, pingAfter + answerWithin + 4*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := sim.Config{Link: sim.Conditions{Latency: 10 * time.Millisecond}}
			config.Test(t, func(t *testing.T, w *sim.World) {
				_, s := start(t, w)
				lived := raw(t, w, c.send)
				require.LessOrEqual(t, lived, c.in+time.Second)
				require.Nil(t, (*s).open.first)
				require.Nil(t, (*s).owing.first)
			})
		})
	}
}

// A lurker is in the room for an hour and says nothing: the pings that its
// library answers are all that there is of it.
func TestRoomKeepsTheSilent(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		_, s := start(t, w)
		w.Host("lurker").Go("lurk", on(func(ctx context.Context) error {
			c, in, err := join(ctx, "lurker")
			if err != nil {
				return err
			}
			defer c.Close()
			if _, err := wsutil.ReadServerText(in); err != nil { // the hello
				return err
			}
			if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
				return err
			}
			_, err = wsutil.ReadServerText(in)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Len(t, (*s).room.members, 1)
			return nil
		}))
		require.NoError(t, w.Run())
	})
}

// A member that reads nothing costs a buffer of the kernel's and a place in the
// news for writeWithin. Then it is dropped, though it goes on talking.
func TestRoomDropsWhoNeverReads(t *testing.T) {
	config := sim.Config{Link: sim.Conditions{Latency: 10 * time.Millisecond}}
	config.Test(t, func(t *testing.T, w *sim.World) {
		_, s := start(t, w)
		var left time.Duration
		w.Host("deaf").Go("talk", on(func(ctx context.Context) error {
			c, _, err := join(ctx, "deaf")
			if err != nil {
				return err
			}
			defer c.Close()
			for began := time.Now(); ; left = time.Since(began) {
				for range 32 {
					if err := wsutil.WriteClientText(c, make([]byte, maxText)); err != nil {
						return nil // dropped
					}
				}
				if err := coro.Sleep(ctx, time.Second); err != nil {
					return err
				}
			}
		}))
		require.NoError(t, w.Run())
		require.Empty(t, (*s).room.members)
		require.Greater(t, left, writeWithin)
		require.Less(t, left, 3*writeWithin)
		require.Equal(t, newsKept, (*s).room.news.Stats().Len, "events that are kept, of thousands")
	})
}

func TestRoomIsBounded(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		_, s := start(t, w)
		w.Host("guests").Go("come", on(func(ctx context.Context) error {
			(*s).room.limit = 3
			var conns []net.Conn
			for range 4 {
				c, in, err := join(ctx, "guest")
				if err != nil {
					return err
				}
				defer c.Close()
				conns = append(conns, c)
				h, err := ws.ReadHeader(in)
				require.NoError(t, err)
				payload := make([]byte, h.Length)
				_, err = io.ReadFull(in, payload)
				require.NoError(t, err)
				if len(conns) < 4 {
					require.Contains(t, string(payload), `"hello"`)
					continue
				}
				require.Equal(t, ws.OpClose, h.OpCode)
				code, _ := ws.ParseCloseFrameData(payload)
				require.Equal(t, statusTryLater, code)
			}
			require.NoError(t, conns[0].Close())
			if err := coro.Sleep(ctx, time.Second); err != nil {
				return err
			}
			c, in, err := join(ctx, "guest")
			if err != nil {
				return err
			}
			defer c.Close()
			text, err := wsutil.ReadServerText(in)
			require.Contains(t, string(text), `"guest-2","guest-3","guest"`, "the place and the name are free again")
			return err
		}))
		require.NoError(t, w.Run())
	})
}
