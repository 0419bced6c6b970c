package pollertest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// noise is n bytes in which a lost, doubled or exchanged one shows.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(b) // never fails
	return b
}

var read = []sentence{
	{says: "Read of an empty stream is ErrWouldBlock", test: func(t *testing.T, l *Loop) {
		_, server := l.Pair()
		n, err := l.Read(server, make([]byte, 1))
		require.Equal(t, poller.ErrWouldBlock, err, "Read")
		require.Zero(t, n, "bytes with ErrWouldBlock")
	}},

	{says: "At the end of the stream Read returns 0, io.EOF", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		require.NoError(t, l.CloseFD(client))
		l.Await(server, poller.Readable)
		for range 3 {
			n, err := l.Read(server, make([]byte, 1))
			require.Equal(t, io.EOF, err, "Read at the end of the stream")
			require.Zero(t, n, "bytes with io.EOF")
		}
	}},

	{says: "A Read into nothing is no end of the stream", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Send(client, []byte("x"))
		l.Await(server, poller.Readable)
		n, err := l.Read(server, nil)
		require.NoError(t, err, "Read into an empty slice")
		require.Zero(t, n)
		require.Equal(t, "x", string(l.Receive(server, 1)))
	}},

	{says: "Every byte is delivered before the end", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		want := noise(4 << 20)
		var got []byte
		for sent := 0; sent < len(want); {
			n, err := l.Write(client, want[sent:])
			sent += n
			if err == poller.ErrWouldBlock {
				more, err := l.Drain(server, make([]byte, 64<<10))
				require.NoError(t, err)
				got = append(got, more...)
				if len(more) == 0 {
					l.Turn(Patience)
				}
				continue
			}
			require.NoError(t, err)
		}
		require.NoError(t, l.CloseFD(client))
		rest, err := l.ReceiveAll(server)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, append(got, rest...)), "4 MiB and a FIN: bytes differ, got %d", len(got)+len(rest))
	}},
}

var write = []sentence{
	{says: "Write writes p or a part of it", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		big := noise(32 << 20) // over what the kernel takes at once
		n, err := l.Write(client, big)
		require.NoError(t, err, "Write of 32 MiB")
		require.Positive(t, n, "bytes taken")
		require.Less(t, n, len(big), "bytes taken of 32 MiB")
		require.NoError(t, l.CloseWrite(client))
		got, err := l.ReceiveAll(server)
		require.NoError(t, err)
		require.True(t, bytes.Equal(big[:n], got), "the part that was taken arrives: got %d bytes of %d, or others", len(got), n)
	}},

	{says: "Write where there is no room is ErrWouldBlock", test: func(t *testing.T, l *Loop) {
		client, _ := l.Pair()
		l.Fill(client)
		n, err := l.Write(client, []byte("x"))
		require.Equal(t, poller.ErrWouldBlock, err, "Write to a full stream")
		require.Zero(t, n, "bytes with ErrWouldBlock")
		n, err = l.Writev(client, [][]byte{[]byte("x"), []byte("y")})
		require.Equal(t, poller.ErrWouldBlock, err, "Writev to a full stream")
		require.Zero(t, n, "bytes with ErrWouldBlock")
	}},

	{says: "A Write of nothing writes nothing", test: func(t *testing.T, l *Loop) {
		client, _ := l.Pair()
		n, err := l.Write(client, nil)
		require.NoError(t, err, "Write of an empty slice")
		require.Zero(t, n)
		for _, bufs := range [][][]byte{nil, {}, {nil}, {nil, {}}} {
			n, err = l.Writev(client, bufs)
			require.NoError(t, err, "Writev of %d empty slices", len(bufs))
			require.Zero(t, n)
		}
	}},

	{says: "A Write to a peer that is gone is EPIPE or ECONNRESET", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		require.NoError(t, l.Abort(server))
		l.Await(client, poller.Readable)
		_, err := l.Read(client, make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		for range 3 {
			_, err = l.Write(client, []byte("x"))
			require.True(t, errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET), "Write after a reset: got %v", err)
			_, err = l.Writev(client, [][]byte{[]byte("x")})
			require.True(t, errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET), "Writev after a reset: got %v", err)
		}
	}},

	{says: "Writev writes the concatenation of its slices", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		n, err := l.Writev(client, [][]byte{[]byte("a"), nil, []byte("bc"), {}, []byte("def")})
		require.NoError(t, err)
		require.Positive(t, n, "bytes")
		l.Send(client, []byte("abcdef")[n:])
		require.Equal(t, "abcdef", string(l.Receive(server, 6)))
	}},

	{says: "Writev takes at most MaxVectors slices", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		bufs := make([][]byte, poller.MaxVectors+100)
		for i := range bufs {
			bufs[i] = []byte{byte(i)}
		}
		n, err := l.Writev(client, bufs)
		require.NoError(t, err)
		require.Equal(t, poller.MaxVectors, n, "bytes of Writev with %d slices of one byte", len(bufs))
		l.Receive(server, n)
	}},

	{says: "Writev of 2000 slices in rounds through small buffers is byte-exact on TCP", test: func(t *testing.T, l *Loop) {
		small := poller.SocketOptions{SendBuffer: 4096, ReceiveBuffer: 4096}
		writevInRounds(t, l, Loopback, poller.ListenOptions{SocketOptions: small})
	}},

	{says: "Writev of 2000 slices in rounds through small buffers is byte-exact on Unix sockets", test: func(t *testing.T, l *Loop) {
		small := poller.SocketOptions{SendBuffer: 4096}
		writevInRounds(t, l, poller.Addr{Path: UnixPath(t)}, poller.ListenOptions{SocketOptions: small})
	}},

	{says: "CloseWrite ends the outgoing direction only", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Send(client, []byte("question"))
		require.NoError(t, l.CloseWrite(client))
		got, err := l.ReceiveAll(server)
		require.NoError(t, err)
		require.Equal(t, "question", string(got), "before the half-close")
		l.Send(server, []byte("answer"))
		require.Equal(t, "answer", string(l.Receive(client, 6)), "after the half-close")
		_, err = l.Write(client, []byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE, "Write after CloseWrite")
	}},
}

// writevInRounds sends 2000 slices of mixed lengths, more than one call takes,
// and never has room for a whole call.
func writevInRounds(t *testing.T, l *Loop, at poller.Addr, o poller.ListenOptions) {
	client, server := l.PairAt(at, o)
	want := noise(0)
	var bufs [][]byte
	for i := range 2000 {
		b := noise(i % 257)
		bufs, want = append(bufs, b), append(want, b...)
	}
	var got []byte
	partial := 0
	buf := make([]byte, 1000)
	for len(bufs) > 0 {
		n, err := l.Writev(client, bufs)
		if err != poller.ErrWouldBlock {
			require.NoError(t, err, "Writev with %d slices left", len(bufs))
		}
		for len(bufs) > 0 && n >= len(bufs[0]) {
			n -= len(bufs[0])
			bufs = bufs[1:]
		}
		if n > 0 {
			partial++
			bufs[0] = bufs[0][n:]
		}
		if err == poller.ErrWouldBlock {
			n, err := l.Read(server, buf)
			if err == poller.ErrWouldBlock {
				l.Turn(Patience)
				continue
			}
			require.NoError(t, err)
			got = append(got, buf[:n]...)
		}
	}
	require.NoError(t, l.CloseWrite(client))
	for {
		n, err := l.Read(server, buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		if err == poller.ErrWouldBlock {
			l.Await(server, poller.Readable)
			continue
		}
		require.NoError(t, err)
	}
	require.True(t, bytes.Equal(want, got), "2000 slices of %d bytes in all: got %d bytes, or others", len(want), len(got))
	require.Positive(t, partial, "calls that ended inside a slice: the test means to have some")
}

var closing = []sentence{
	{says: "CloseFD ends the stream after what was written", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Send(client, []byte("last words"))
		require.NoError(t, l.CloseFD(client))
		got, err := l.ReceiveAll(server)
		require.NoError(t, err, "how the stream ended")
		require.Equal(t, "last words", string(got))
	}},

	{says: "Abort resets: the peer gets ECONNRESET", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		require.NoError(t, l.Abort(client))
		_, err := l.ReceiveAll(server)
		require.ErrorIs(t, err, syscall.ECONNRESET, "Read after the peer's Abort")
	}},

	{says: "CloseFD and Abort of what is not open are EBADF", test: func(t *testing.T, l *Loop) {
		require.ErrorIs(t, l.CloseFD(poller.NoFD), syscall.EBADF, "CloseFD")
		require.ErrorIs(t, l.Abort(poller.NoFD), syscall.EBADF, "Abort")
	}},
}
