package main

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// copiedOS counts the bytes that come into this process, and those that splice moves
// past it.
type copiedOS struct {
	poller.OS
	read, spliced int64
}

func (o *copiedOS) Read(fd poller.FD, p []byte) (int, error) {
	n, err := o.OS.Read(fd, p)
	o.read += int64(max(n, 0))
	return n, err
}

func (o *copiedOS) OpenPipe(size int) (poller.Pipe, error) {
	return o.OS.(poller.Splicer).OpenPipe(size)
}
func (o *copiedOS) ClosePipe(p poller.Pipe) { o.OS.(poller.Splicer).ClosePipe(p) }
func (o *copiedOS) SpliceIn(p poller.Pipe, fd poller.FD, n int) (int, error) {
	return o.OS.(poller.Splicer).SpliceIn(p, fd, n)
}
func (o *copiedOS) SpliceOut(fd poller.FD, p poller.Pipe, n int) (int, error) {
	n, err := o.OS.(poller.Splicer).SpliceOut(fd, p, n)
	o.spliced += int64(max(n, 0))
	return n, err
}

// A large stream is not copied: what the proxy reads itself is the beginning, by
// which it knows that the stream is large, and now and then a piece that was too
// little for a pipe.
func TestProxyMovesALargeStreamInsideTheKernel(t *testing.T) {
	const size = 256 << 20
	system, err := poller.Open(poller.Config{})
	require.NoError(t, err)
	counted := &copiedOS{OS: system}
	addr, ended := make(chan string, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := newProxy(options{upstreams: []string{source(t, size)}, connectTimeout: time.Minute, maxConns: 1}, func(string) {})
	go func() {
		ended <- coro.Config{Reactor: reactor.Options{OS: counted}}.Run(ctx, func(ctx context.Context) error {
			ln, err := coro.Listen(ctx, "tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			addr <- ln.Addr().String()
			return p.serve(ctx, ln)
		})
	}()
	c, err := net.Dial("tcp", <-addr)
	require.NoError(t, err)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 256<<10))
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	require.NoError(t, c.Close())
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	t.Logf("%d bytes read, %d spliced: %.2f %% copied", counted.read, counted.spliced, 100*float64(counted.read)/size)
	require.EqualValues(t, size, counted.read+counted.spliced)
	// It is some hundredths of a percent to a few percent: as often as the sender was
	// slower than the proxy, and the more, the less of the CPU the sender has.
	require.Less(t, counted.read, int64(size/4), "bytes copied, of %d", size)
}

// source is an upstream that sends so many bytes and ends.
func source(t *testing.T, size int) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			ended <- err
			return
		}
		piece := make([]byte, 256<<10)
		for sent := 0; sent < size && err == nil; sent += len(piece) {
			_, err = c.Write(piece)
		}
		c.Close()
		ended <- err
	}()
	t.Cleanup(func() {
		ln.Close()
		require.NoError(t, <-ended)
	})
	return ln.Addr().String()
}
