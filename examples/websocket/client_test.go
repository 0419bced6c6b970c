package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

// client is a test's end of a connection, a frame at a time: it can send what no
// client would.
type client struct {
	*net.TCPConn
	t  *testing.T
	in *bufio.Reader
}

const handshake = "GET %s HTTP/1.1\r\nHost: %h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// request is a handshake for a path.
func request(addr, path string, headers ...string) string {
	r := strings.NewReplacer("%s", path, "%h", addr).Replace(handshake)
	for _, h := range headers {
		r += h + "\r\n"
	}
	return r + "\r\n"
}

// connect is a connection without a handshake.
func connect(t *testing.T, addr string) *client {
	c := child.Dial(t, addr)
	return &client{c, t, bufio.NewReader(c)}
}

// dial is a connection that has become a WebSocket.
func dial(t *testing.T, addr, path string, headers ...string) *client {
	t.Helper()
	c := connect(t, addr)
	c.write(request(addr, path, headers...))
	response := c.response()
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	// The example of RFC 6455, section 1.3.
	require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", response.Header.Get("Sec-WebSocket-Accept"))
	return c
}

func (c *client) write(text string) {
	c.t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(c.t, err)
}

func (c *client) sendRaw(bytes ...byte) { c.t.Helper(); c.write(string(bytes)) }

// send sends a frame, masked.
func (c *client) send(op ws.OpCode, fin bool, payload string) {
	c.t.Helper()
	frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewFrame(op, fin, []byte(payload))))
	require.NoError(c.t, err)
	c.sendRaw(frame...)
}

func (c *client) response() *http.Response {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	require.NoError(c.t, err)
	return response
}

// frame is the next frame from the server.
func (c *client) frame() (ws.OpCode, string) {
	c.t.Helper()
	h, err := ws.ReadHeader(c.in)
	require.NoError(c.t, err, "the next frame")
	require.False(c.t, h.Masked)
	require.True(c.t, h.Fin)
	require.Zero(c.t, h.Rsv)
	payload := make([]byte, h.Length)
	_, err = io.ReadFull(c.in, payload)
	require.NoError(c.t, err)
	return h.OpCode, string(payload)
}

func (c *client) gets(op ws.OpCode, payload string) {
	c.t.Helper()
	gotOp, got := c.frame()
	require.Equal(c.t, op, gotOp, "opcode of %.60q", got)
	require.True(c.t, payload == got, "got %d bytes, %.60q, want %d, %.60q", len(got), got, len(payload), payload)
}

// closedWith wants a close, answers it, wants the end of the stream, and ends its
// own.
func (c *client) closedWith(code ws.StatusCode) (reason string) {
	c.t.Helper()
	op, payload := c.frame()
	require.Equal(c.t, ws.OpClose, op, "opcode of %.60q", payload)
	got, reason := ws.ParseCloseFrameData([]byte(payload))
	require.Equal(c.t, code, got, "the code of the close, its reason is %q", reason)
	frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewCloseFrame([]byte(payload[:2]))))
	require.NoError(c.t, err)
	_, _ = c.Write(frame) // the server may have gone: it need not wait
	c.ends()
	_ = c.Close()
	return reason
}

// ends wants the end of the stream.
func (c *client) ends() {
	c.t.Helper()
	rest, err := io.ReadAll(c.in)
	require.NoError(c.t, err, "the end, and not a reset")
	require.Empty(c.t, rest)
}

// event is the next thing that a member of the room is told.
func (c *client) event() event {
	c.t.Helper()
	op, payload := c.frame()
	require.Equal(c.t, ws.OpText, op)
	var e event
	require.NoError(c.t, json.Unmarshal([]byte(payload), &e))
	return e
}

// hears wants an event of the kind.
func (c *client) hears(kind string) event {
	c.t.Helper()
	e := c.event()
	require.Equal(c.t, kind, e.Kind, "the next event is %+v", e)
	return e
}

// echoes shows that the server serves.
func echoes(t *testing.T, addr string) {
	t.Helper()
	c := dial(t, addr, "/echo")
	c.send(ws.OpText, true, "alive")
	c.gets(ws.OpText, "alive")
	c.send(ws.OpClose, true, "\x03\xe8")
	c.gets(ws.OpClose, "\x03\xe8")
	c.ends()
}

// startCommand starts the example and returns its address; the test ends it.
func startCommand(t *testing.T, cmd *exec.Cmd) (addr string) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "the example's first line")
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
}
