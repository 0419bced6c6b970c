package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

func TestHandshakeAnswers(t *testing.T) {
	addr, _ := child.Start(t)
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n" }
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"/ is the page", get("/"), 200},
		{"/ takes no POST", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405},
		{"nothing else is there", get("/favicon.ico"), 404},
		{"/echo is not for plain requests", get("/echo"), 400},
		{"a handshake by POST", strings.Replace(request(addr, "/echo"), "GET", "POST", 1), 405},
		{"a handshake in HTTP/1.0", strings.Replace(request(addr, "/echo"), "HTTP/1.1", "HTTP/1.0", 1), 505},
		{"a handshake of another version", strings.Replace(request(addr, "/echo"), "Version: 13", "Version: 8", 1), 426},
		{"a handshake without a version", strings.Replace(request(addr, "/echo"), "Sec-WebSocket-Version: 13\r\n", "", 1), 400},
		{"a handshake without a key", strings.Replace(request(addr, "/echo"), "Sec-WebSocket-Key", "X-Key", 1), 400},
		{"a key that is too short", strings.Replace(request(addr, "/echo"), "dGhlIHNhbXBsZSBub25jZQ==", "dGhl", 1), 400},
		{"a Connection header without Upgrade", strings.Replace(request(addr, "/echo"), "Connection: Upgrade", "Connection: close", 1), 400},
		{"an Upgrade to something else", strings.Replace(request(addr, "/echo"), "Upgrade: websocket", "Upgrade: h2c", 1), 400},
		{"what is not HTTP", "\x16\x03\x01\x02\x00\x01\r\n\r\n", 400},
		{"a header that is none", "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400},
		{"headers without end", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 100_000), 431},
		{"a line without end", strings.Repeat("G", 100_000), 431},
		{"the room from another page", request(addr, "/room?name=eve", "Origin: http://evil.example"), 403},
		{"the room from a page without an origin", request(addr, "/room?name=eve", "Origin: null"), 403},
		{"the room from two pages at once", request(addr, "/room?name=eve", "Origin: http://"+addr, "Origin: http://evil.example"), 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := connect(t, addr)
			conn.write(c.request)
			response := conn.response()
			require.Equal(t, c.status, response.StatusCode)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			if c.status == 200 {
				require.True(t, bytes.Equal(page, body), "the page")
			}
			require.NoError(t, conn.CloseWrite())
			conn.ends()
		})
	}
	echoes(t, addr)
}

func TestHandshakeRefusesCompression(t *testing.T) {
	addr, _ := child.Start(t)
	c := connect(t, addr)
	c.write(request(addr, "/echo", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"))
	response := c.response()
	require.Equal(t, 101, response.StatusCode)
	require.Empty(t, response.Header.Values("Sec-WebSocket-Extensions"))
}

func TestHandshakeLetsThePagesOwnOriginIn(t *testing.T) {
	addr, _ := child.Start(t)
	dial(t, addr, "/room?name=ann", "Origin: http://"+strings.ToUpper(addr)).hears("hello")
	dial(t, addr, "/echo", "Origin: http://other.example") // the echo is for everyone
}

// Connections that are cut at every byte of the handshake, and of a message.
func TestConnectionsThatAreCutCostNobodyElse(t *testing.T) {
	addr, _ := child.Start(t)
	whole := request(addr, "/room?name=ann") + "\x81\x85\x00\x00\x00\x00hello"
	for n := range len(whole) {
		c := connect(t, addr)
		c.write(whole[:n])
		if n%2 == 0 {
			require.NoError(t, c.SetLinger(0))
		}
		require.NoError(t, c.Close())
	}
	echoes(t, addr)
}
