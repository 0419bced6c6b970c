package backend

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/load"
)

// everyBackendThatOffers runs a test on a server in this process.
func everyBackendThatOffers(t *testing.T, w Workload, test func(t *testing.T, dial func() *net.TCPConn)) {
	offered := false
	for _, name := range Names() {
		b, err := Find(name)
		require.NoError(t, err)
		if !b.Offers(w) {
			continue
		}
		offered = true
		t.Run(name, func(t *testing.T) {
			skipUnlessHere(t, b)
			ctx, cancel := context.WithCancel(t.Context())
			ready, ended := make(chan string, 1), make(chan error, 1)
			go func() {
				ended <- b.Serve(ctx, Config{Addr: "127.0.0.1:0", Loops: 2, Workload: w, Ready: func(addr string) { ready <- addr }})
			}()
			var addr string
			select {
			case addr = <-ready:
			case err := <-ended:
				cancel()
				t.Fatal("it ended before it was ready:", err)
			}
			var conns []net.Conn
			test(t, func() *net.TCPConn {
				c, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				conns = append(conns, c)
				return c.(*net.TCPConn)
			})
			for _, c := range conns {
				_ = c.Close() // some are closed already
			}
			cancel()
			require.NoError(t, <-ended)
		})
	}
	require.True(t, offered)
}

func requireRead(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestRoomSendsEveryByteToAll(t *testing.T) {
	everyBackendThatOffers(t, Room, func(t *testing.T, dial func() *net.TCPConn) {
		const others = 5 // bytes below are greetings
		var conns []*net.TCPConn
		for range others {
			conns = append(conns, dial())
		}
		// hear reads what is no greeting, or the one of member i.
		hear := func(c net.Conn, i int) byte {
			for {
				var b [1]byte
				_, err := c.Read(b[:])
				require.NoError(t, err)
				if b[0] >= others || int(b[0]) == i {
					return b[0]
				}
			}
		}
		// A member is in the room when it has heard itself.
		for i, c := range conns {
			_, err := c.Write([]byte{byte(i)})
			require.NoError(t, err)
			hear(c, i)
		}
		end := []byte("everyone is here")
		_, err := conns[0].Write(end)
		require.NoError(t, err)
		for _, c := range conns {
			for _, want := range end {
				require.Equal(t, want, hear(c, -1))
			}
		}
		// One who leaves does not hurt the others.
		require.NoError(t, conns[1].Close())
		news := bytes.Repeat([]byte("news"), 100_000)
		written := make(chan error, 1)
		go func() {
			_, err := conns[0].Write(news)
			written <- err
		}()
		done := make(chan []byte)
		for _, c := range []net.Conn{conns[0], conns[2], conns[3], conns[4]} {
			go func() {
				got := make([]byte, len(news))
				n, err := io.ReadFull(c, got)
				if err != nil {
					t.Errorf("%d of %d bytes, then %v", n, len(got), err)
				}
				done <- got
			}()
		}
		for range 4 {
			require.True(t, bytes.Equal(news, <-done))
		}
		require.NoError(t, <-written)
	})
}

func TestSlowAnswersAfterItsWork(t *testing.T) {
	everyBackendThatOffers(t, Slow, func(t *testing.T, dial func() *net.TCPConn) {
		c := dial()
		for i, kind := range []byte{0, load.SlowBlocking, load.SlowCPU, 0} {
			message := bytes.Repeat([]byte{byte(i)}, SlowSize)
			message[0], message[1] = kind, 3
			start := time.Now()
			// In two parts: a message may come like that.
			_, err := c.Write(message[:20])
			require.NoError(t, err)
			_, err = c.Write(message[20:])
			require.NoError(t, err)
			requireRead(t, c, message)
			if kind == load.SlowBlocking {
				require.GreaterOrEqual(t, time.Since(start), 3*time.Millisecond)
			}
		}
	})
}

// Clients that keep to a timetable send the next message before an answer is there.
func TestSlowAnswersInOrder(t *testing.T) {
	everyBackendThatOffers(t, Slow, func(t *testing.T, dial func() *net.TCPConn) {
		c := dial()
		var all []byte
		for i, kind := range []byte{0, load.SlowBlocking, 0, load.SlowCPU, load.SlowBlocking, 0, 0} {
			message := bytes.Repeat([]byte{byte(i)}, SlowSize)
			message[0], message[1] = kind, 3
			all = append(all, message...)
		}
		// The first part ends within a message.
		_, err := c.Write(all[:SlowSize*3/2])
		require.NoError(t, err)
		_, err = c.Write(all[SlowSize*3/2:])
		require.NoError(t, err)
		requireRead(t, c, all)
	})
}

func TestHTTPAnswersRequestsInOrder(t *testing.T) {
	everyBackendThatOffers(t, HTTP, func(t *testing.T, dial func() *net.TCPConn) {
		c := dial()
		in := bufio.NewReader(c)
		answer := func() {
			r, err := http.ReadResponse(in, nil)
			require.NoError(t, err)
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.NoError(t, r.Body.Close())
			require.Equal(t, http.StatusOK, r.StatusCode)
			require.Equal(t, httpBody, body)
		}
		const request = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
		for _, parts := range [][]string{{request}, {request[:10], request[10:]}, {request + request + request[:5], request[5:]}} {
			sent := ""
			for _, part := range parts {
				_, err := c.Write([]byte(part))
				require.NoError(t, err)
				sent += part
			}
			for range len(sent) / len(request) {
				answer()
			}
		}
	})
}

func TestWorkloadHasItsName(t *testing.T) {
	for _, w := range []Workload{Echo, Room, Slow, HTTP} {
		var read Workload
		require.NoError(t, read.UnmarshalText([]byte(w)))
		require.Equal(t, w, read)
	}
	var read Workload
	require.ErrorContains(t, read.UnmarshalText([]byte("nope")), "there are: echo, room, slow, http")
}
