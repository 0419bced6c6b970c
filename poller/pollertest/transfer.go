package pollertest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// These sentences are about capabilities, which an OS need not have.
var transfer = []sentence{
	{says: "SendFile sends a part of the file from the offset", test: func(t *testing.T, l *Loop) {
		sender := capability[poller.FileSender](t, l)
		client, server := l.Pair()
		want := noise(5 << 20)
		file, descriptor := fileOf(t, want)
		got := sendFile(t, l, sender, client, server, descriptor, 3, int64(len(want)))
		require.True(t, bytes.Equal(want[3:], got), "5 MiB from offset 3 on: got %d bytes, or others", len(got))
		at, err := file.Seek(0, io.SeekCurrent)
		require.NoError(t, err)
		require.Zero(t, at, "the file's own position")
		n, err := sender.SendFile(client, descriptor, int64(len(want)), 1)
		require.Equal(t, io.EOF, err, "SendFile at the end of the file")
		require.Zero(t, n)
	}},

	{says: "SendFile to a peer that is gone is EPIPE or ECONNRESET", test: func(t *testing.T, l *Loop) {
		sender := capability[poller.FileSender](t, l)
		client, server := l.Pair()
		_, descriptor := fileOf(t, noise(10))
		require.NoError(t, l.Abort(server))
		l.Await(client, poller.Readable)
		_, err := sender.SendFile(client, descriptor, 0, 10)
		require.True(t, errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET), "got %v", err)
	}},

	{says: "SendFile of what is no file is errors.ErrUnsupported", test: func(t *testing.T, l *Loop) {
		sender := capability[poller.FileSender](t, l)
		client, server := l.Pair()
		_, err := sender.SendFile(client, server, 0, 10)
		require.ErrorIs(t, err, errors.ErrUnsupported, "SendFile of a socket")
	}},

	{says: "Bytes spliced through a pipe arrive as they were", test: func(t *testing.T, l *Loop) {
		splicer := capability[poller.Splicer](t, l)
		for _, size := range []int{1 << 16, 1 << 18} {
			pipe, err := splicer.OpenPipe(size)
			require.NoError(t, err)
			defer splicer.ClosePipe(pipe)
			from, in := l.Pair()
			out, to := l.Pair()
			want := noise(3 << 20)
			var got []byte
			unsent, held := want, 0
			for len(got) < len(want) {
				n, err := l.Write(from, unsent)
				unsent = unsent[n:]
				mayWait(t, err)
				if held == 0 {
					held, err = splicer.SpliceIn(pipe, in, size)
					mayWait(t, err)
				}
				n, err = splicer.SpliceOut(out, pipe, held)
				held -= n
				mayWait(t, err)
				more, err := l.Drain(to, make([]byte, 64<<10))
				require.NoError(t, err)
				got = append(got, more...)
				if n+len(more) == 0 {
					l.Turn(Patience)
				}
			}
			require.True(t, bytes.Equal(want, got), "3 MiB through a pipe: got %d bytes, or others", len(got))
			require.NoError(t, l.CloseFD(from))
			l.Await(in, poller.Readable)
			_, err = splicer.SpliceIn(pipe, in, size)
			require.Equal(t, io.EOF, err, "SpliceIn at the end of the stream")
		}
	}},

	{says: "SpliceIn of an empty stream is ErrWouldBlock, and an event comes with the bytes", test: func(t *testing.T, l *Loop) {
		splicer := capability[poller.Splicer](t, l)
		pipe, err := splicer.OpenPipe(1 << 16)
		require.NoError(t, err)
		defer splicer.ClosePipe(pipe)
		client, server := l.Pair()
		_, err = splicer.SpliceIn(pipe, server, 100)
		require.Equal(t, poller.ErrWouldBlock, err)
		l.Settle()
		l.Forget(server)
		l.Send(client, []byte("x"))
		l.Await(server, poller.Readable)
		n, err := splicer.SpliceIn(pipe, server, 100)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}},

	{says: "What SpliceOut could not write is still in the pipe", test: func(t *testing.T, l *Loop) {
		splicer := capability[poller.Splicer](t, l)
		pipe, err := splicer.OpenPipe(1 << 16)
		require.NoError(t, err)
		defer splicer.ClosePipe(pipe)
		from, in := l.Pair()
		out, to := l.Pair()
		l.Send(from, []byte("kept"))
		l.Await(in, poller.Readable)
		_, err = splicer.SpliceIn(pipe, in, 100)
		require.NoError(t, err)
		l.Fill(out)
		_, err = splicer.SpliceOut(out, pipe, 4)
		require.Equal(t, poller.ErrWouldBlock, err, "SpliceOut to a full stream")
		l.MakeRoom(out, to)
		n, err := splicer.SpliceOut(out, pipe, 4)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.NoError(t, l.CloseFD(out))
		got, err := l.ReceiveAll(to)
		require.NoError(t, err)
		require.True(t, bytes.HasSuffix(got, []byte("kept")), "the last bytes of the stream")
	}},

	{says: "A Duplicate is the same connection under another descriptor", test: func(t *testing.T, l *Loop) {
		duplicator := capability[poller.Duplicator](t, l)
		client, server := l.Pair()
		file, err := duplicator.Duplicate(client)
		require.NoError(t, err)
		require.NoError(t, l.Remove(client))
		require.NoError(t, l.CloseFD(client))
		conn, err := net.FileConn(file)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		_, err = conn.Write([]byte("hello"))
		require.NoError(t, err)
		require.Equal(t, "hello", string(l.Receive(server, 5)))
		require.NoError(t, conn.Close())
		_, err = l.ReceiveAll(server)
		require.NoError(t, err)
	}},
}

// capability is the OS under test as one of poller's capabilities. Where it is
// not one the sub-test ends here.
func capability[T any](t *testing.T, l *Loop) T {
	t.Helper()
	c, ok := l.OS.(T)
	if !ok {
		t.Skipf("%T is no %T", l.OS, (*T)(nil))
	}
	return c
}

func fileOf(t *testing.T, content []byte) (*os.File, poller.FD) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	_, err = file.WriteAt(content, 0)
	require.NoError(t, err)
	return file, poller.FD(file.Fd())
}

// sendFile sends the file from offset to end, and reads it at the other side.
func sendFile(t *testing.T, l *Loop, sender poller.FileSender, client, server, file poller.FD, offset, end int64) (got []byte) {
	t.Helper()
	for want := int(end - offset); len(got) < want; {
		n := 0
		if offset < end {
			var err error
			n, err = sender.SendFile(client, file, offset, int(end-offset))
			if errors.Is(err, errors.ErrUnsupported) {
				t.Skip("this kernel has no sendfile")
			}
			mayWait(t, err)
			offset += int64(n)
		}
		more, err := l.Drain(server, make([]byte, 64<<10))
		require.NoError(t, err)
		got = append(got, more...)
		if n+len(more) == 0 {
			l.Turn(Patience)
		}
	}
	return got
}

// mayWait demands that a call worked, or would have had to wait.
func mayWait(t *testing.T, err error) {
	t.Helper()
	if err != poller.ErrWouldBlock {
		require.NoError(t, err)
	}
}
