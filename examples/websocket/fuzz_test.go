package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller/sim"
)

// Whatever comes after the handshake, the answer is whole frames, and if the
// server ends the connection, the last one is a close with a code that says what
// was wrong; nothing of it stays behind.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		"\x81\x85\x00\x00\x00\x00hello", "\x01\x81\x01\x02\x03\x04x\x89\x80\x00\x00\x00\x00\x80\x80\x00\x00\x00\x00",
		"\x88\x82\x00\x00\x00\x00\x03\xe8", "\x88\x80\x00\x00\x00\x00", "\x88\x81\x00\x00\x00\x00\x03", "\xc1\x80\x00\x00\x00\x00",
		"\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", "\x82\xfe\x00\x02\x00\x00\x00\x00xy", "\x81\x82\x00\x00\x00\x00\xc3\x28",
	} {
		f.Add([]byte(seed), uint8(3))
		f.Add([]byte(seed), uint8(255))
	}
	f.Fuzz(func(t *testing.T, sent []byte, piece uint8) {
		if piece == 0 || len(sent) > 10_000 {
			t.Skip()
		}
		var answer []byte
		sim.Test(t, func(t *testing.T, w *sim.World) {
			_, s := start(t, w)
			w.Host("client").Go("send", on(func(ctx context.Context) error {
				c, err := coro.Dial(ctx, "tcp", "server:80")
				if err != nil {
					return err
				}
				defer c.Close()
				return coro.WithScope(ctx, func(scope *coro.Scope) error {
					err := scope.Go(func(ctx context.Context) error {
						if err := write(ctx, c, request("server", "/echo")+string(sent), int(piece)+200, time.Millisecond); err != nil {
							return err
						}
						_ = c.CloseWrite() // the server may have gone
						return nil
					})
					if err != nil {
						return err
					}
					answer, _ = io.ReadAll(c)
					return nil
				})
			}))
			require.NoError(t, w.Run())
			require.Nil(t, (*s).open.first)
			require.Nil(t, (*s).owing.first)
		})
		in := bufio.NewReader(bytes.NewReader(answer))
		response, err := http.ReadResponse(in, nil)
		require.NoError(t, err, "in %q", answer)
		require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
		for closed := false; ; {
			h, err := ws.ReadHeader(in)
			if err == io.EOF {
				return
			}
			require.NoError(t, err, "in %q", answer)
			require.False(t, closed, "a frame after the close, in %q", answer)
			require.NoError(t, ws.CheckHeader(h, ws.StateClientSide), "in %q", answer)
			payload := make([]byte, h.Length)
			_, err = io.ReadFull(in, payload)
			require.NoError(t, err, "in %q", answer)
			if closed = h.OpCode == ws.OpClose; closed {
				require.NoError(t, checkClose(payload))
			}
		}
	})
}
