package main

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

func TestEchoSendsMessagesBack(t *testing.T) {
	addr, _ := child.Start(t)
	c := dial(t, addr, "/echo")
	for name, payload := range map[string]string{
		"an empty one":                   "",
		"the longest of one length byte": strings.Repeat("x", 125),
		"the shortest of two":            strings.Repeat("x", 126),
		"the longest of two":             strings.Repeat("x", 1<<16-1),
		"the shortest of eight":          strings.Repeat("x", 1<<16),
		"the longest that is allowed":    strings.Repeat("x", maxMessage),
		"letters of four bytes":          "\U0001F9F5\U0001F9F5",
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			c.send(ws.OpText, true, payload)
			c.gets(ws.OpText, payload)
			c.send(ws.OpBinary, true, payload+"\xff"[:min(1, maxMessage-len(payload))])
			c.gets(ws.OpBinary, payload+"\xff"[:min(1, maxMessage-len(payload))])
		})
	}
}

func TestEchoPutsFragmentsTogether(t *testing.T) {
	addr, _ := child.Start(t)
	c := dial(t, addr, "/echo")
	t.Run("also with letters that are split, pings between, and empty ones", func(t *testing.T) {
		c.t = t
		c.send(ws.OpText, false, "caf\xc3")
		c.send(ws.OpPing, true, "one")
		c.gets(ws.OpPong, "one")
		c.send(ws.OpContinuation, false, "")
		c.send(ws.OpPong, true, "nobody asked")
		c.send(ws.OpContinuation, false, "\xa9 \xf0\x9f")
		c.send(ws.OpPing, true, "")
		c.gets(ws.OpPong, "")
		c.send(ws.OpContinuation, true, "\xa7\xb5")
		c.gets(ws.OpText, "café \U0001F9F5")
	})
	t.Run("a byte at a time", func(t *testing.T) {
		c.t = t
		frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("slowly"))))
		require.NoError(t, err)
		for _, b := range frame {
			c.sendRaw(b)
		}
		c.gets(ws.OpText, "slowly")
	})
	t.Run("many in one segment", func(t *testing.T) {
		c.t = t
		frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("again"))))
		require.NoError(t, err)
		go func() { _, _ = c.Write([]byte(strings.Repeat(string(frame), 10_000))) }()
		for range 10_000 {
			c.gets(ws.OpText, "again")
		}
	})
}

func TestEchoServesWhatComesWithTheHandshake(t *testing.T) {
	addr, _ := child.Start(t)
	frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("early"))))
	require.NoError(t, err)
	c := connect(t, addr)
	c.write(request(addr, "/echo") + string(frame))
	require.Equal(t, 101, c.response().StatusCode)
	c.gets(ws.OpText, "early")
}

func TestCloseIsAnsweredWithItsCode(t *testing.T) {
	addr, _ := child.Start(t)
	for name, payload := range map[string]string{
		"no code":             "",
		"normal":              "\x03\xe8",
		"going away, reasons": "\x03\xe9good night",
		"bad gateway":         "\x03\xf6",
		"a library's own":     "\x0b\xb8",
		"an application's":    "\x13\x87",
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr, "/echo")
			c.send(ws.OpClose, true, payload)
			c.gets(ws.OpClose, payload[:min(2, len(payload))])
			c.ends()
		})
	}
	t.Run("between the fragments of a message", func(t *testing.T) {
		c := dial(t, addr, "/echo")
		c.send(ws.OpText, false, "and then")
		c.send(ws.OpClose, true, "\x03\xe8")
		c.gets(ws.OpClose, "\x03\xe8")
		c.ends()
	})
}

// Each of these costs its own connection, which is told the code; another one,
// in the middle of a message, goes on.
func TestBadFramesCostOneConnection(t *testing.T) {
	addr, _ := child.Start(t)
	masked := func(first byte, payload string) string { // with a mask of zeroes
		return string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
	}
	for _, bad := range []struct {
		name, path, bytes string
		code              ws.StatusCode
	}{
		{"a reserved bit, RSV1: compression was not agreed to", "/echo", masked(0xc1, "x"), 1002},
		{"a reserved bit, RSV2", "/echo", masked(0xa1, "x"), 1002},
		{"a reserved bit, RSV3, of a ping", "/echo", masked(0x99, "x"), 1002},
		{"a reserved opcode for data", "/echo", masked(0x83, "x"), 1002},
		{"a reserved control opcode", "/echo", masked(0x8b, "x"), 1002},
		{"a frame without a mask", "/echo", "\x81\x01x", 1002},
		{"a ping without a mask", "/echo", "\x89\x00", 1002},
		{"a control frame in fragments", "/echo", masked(0x09, "x"), 1002},
		{"a control frame of 126 bytes", "/echo", "\x89\xfe\x00\x7e\x00\x00\x00\x00" + strings.Repeat("x", 126), 1002},
		{"a continuation of nothing", "/echo", masked(0x80, "x"), 1002},
		{"a message inside a message", "/echo", masked(0x01, "x") + masked(0x81, "y"), 1002},
		{"a length with the high bit", "/echo", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", 1002},
		{"half a close code", "/echo", masked(0x88, "\x03"), 1002},
		{"a close code of 0", "/echo", masked(0x88, "\x00\x00"), 1002},
		{"a close code of 999", "/echo", masked(0x88, "\x03\xe7"), 1002},
		{"the close code 1004", "/echo", masked(0x88, "\x03\xec"), 1002},
		{"the close code 1005, which is never sent", "/echo", masked(0x88, "\x03\xed"), 1002},
		{"the close code 1006, which is never sent", "/echo", masked(0x88, "\x03\xee"), 1002},
		{"the close code 1015, which is never sent", "/echo", masked(0x88, "\x03\xf7"), 1002},
		{"the close code 2999", "/echo", masked(0x88, "\x0b\xb7"), 1002},
		{"the close code 5000", "/echo", masked(0x88, "\x13\x88"), 1002},
		{"a reason that is not UTF-8", "/echo", masked(0x88, "\x03\xe8\xff"), 1007},
		{"text that is not UTF-8", "/echo", masked(0x81, "a\xffb"), 1007},
		{"text that ends in a letter", "/echo", masked(0x81, "caf\xc3"), 1007},
		{"a letter of too many bytes", "/echo", masked(0x81, "\xc0\xaf"), 1007},
		{"a surrogate", "/echo", masked(0x81, "\xed\xa0\x80"), 1007},
		{"a letter that goes wrong in the next fragment", "/echo", masked(0x01, "caf\xc3") + masked(0x80, "x"), 1007},
		{"a letter that an empty last fragment ends", "/echo", masked(0x01, "caf\xc3") + masked(0x80, ""), 1007},
		{"a message one byte too long", "/echo", "\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01\x00\x00\x00\x00" + strings.Repeat("x", maxMessage+1), 1009},
		{"a message of 8 EiB, so it says", "/echo", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009},
		{"fragments that are too long together", "/room?name=bad", "\x01\xfe\x10\x00\x00\x00\x00\x00" + strings.Repeat("x", maxText) + masked(0x80, "x"), 1009},
		{"binary in the room", "/room?name=bad", masked(0x82, "x"), 1003},
	} {
		t.Run(bad.name, func(t *testing.T) {
			bystander := dial(t, addr, "/echo")
			bystander.send(ws.OpText, false, "un")

			c := dial(t, addr, bad.path)
			if strings.HasPrefix(bad.path, "/room") {
				c.hears("hello")
			}
			c.write(bad.bytes)
			c.closedWith(bad.code)

			bystander.send(ws.OpContinuation, true, "hurt")
			bystander.gets(ws.OpText, "unhurt")
		})
	}
	echoes(t, addr)
}
