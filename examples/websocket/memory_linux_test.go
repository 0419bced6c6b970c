package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
	"github.com/weft-go/weft/examples/internal/paired"
)

// What does an idle client cost? The memory of the server's process with so many
// more of them, each of which was used once. The garbage that is not collected
// yet is in it: at most a tenth, by GOGC.
//
//	go test ./examples/websocket -run '^$' -bench Idle -benchtime 1x
func BenchmarkIdle(b *testing.B) {
	for _, c := range []struct {
		path          string
		before, after int // clients
	}{{"/echo", 2000, 9000}, {"/room?name=guest", 200, 900}} {
		b.Run(c.path[1:5], func(b *testing.B) {
			for b.Loop() {
				cmd := child.Command("-addr", "127.0.0.1:0", "-ping", "1h")
				cmd.Env = append(cmd.Env, "GOGC=10")
				stdout, err := cmd.StdoutPipe()
				require.NoError(b, err)
				require.NoError(b, cmd.Start())
				var addr string
				_, err = fmt.Fscanf(stdout, "listening on %s\n", &addr)
				require.NoError(b, err)
				var conns []net.Conn
				grow := func(to int) float64 {
					for len(conns) < to {
						conns = append(conns, use(b, addr, c.path))
					}
					return paired.Resident(b, cmd.Process.Pid)
				}
				grow(c.before / 2) // what the process needs once
				from := grow(c.before)
				b.ReportMetric((grow(c.after)-from)/float64(c.after-c.before), "B/client")
				for _, conn := range conns {
					_ = conn.Close()
				}
				require.NoError(b, cmd.Process.Signal(os.Interrupt))
				require.NoError(b, cmd.Wait())
			}
		})
	}
}

// use is a connection over which a message has come.
func use(b *testing.B, addr, path string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	require.NoError(b, err)
	_, err = conn.Write([]byte(request(addr, path)))
	require.NoError(b, err)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	require.NoError(b, err)
	require.Equal(b, http.StatusSwitchingProtocols, response.StatusCode)
	if path == "/echo" {
		require.NoError(b, wsutil.WriteClientText(conn, []byte("hello")))
	}
	h, err := ws.ReadHeader(in)
	require.NoError(b, err)
	require.Equal(b, ws.OpText, h.OpCode)
	return conn
}
