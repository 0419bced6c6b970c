package main

import (
	"bytes"
	"os"
	"syscall"
	"testing"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, main) }

func TestWebsocketRefusesBadArguments(t *testing.T) { child.RefusesBadArguments(t) }

func TestWebsocketSaysGoodbyeOnASignal(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String()+" closes every connection with 1001", func(t *testing.T) {
			cmd := child.Command("-addr", "127.0.0.1:0")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			addr := startCommand(t, cmd)
			echo := dial(t, addr, "/echo")
			ann := dial(t, addr, "/room?name=ann")
			ann.hears("hello")
			half := dial(t, addr, "/echo")
			half.sendRaw(0x01, 0x85) // the first two bytes of a message

			require.NoError(t, cmd.Process.Signal(sig))
			for _, c := range []*client{echo, ann, half} {
				c.closedWith(ws.StatusGoingAway)
			}
			require.NoError(t, cmd.Wait(), "it said: %s", &stderr)
			require.Empty(t, child.WithoutStalls(stderr.String()))
		})
	}
}
