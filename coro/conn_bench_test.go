package coro

import (
	"context"
	"fmt"
	"io"
	"testing"
)

// benchPair is a connection with both ends on the loop.
func benchPair(b *testing.B, ctx context.Context) (client, server *Conn) {
	b.Helper()
	ln, err := Listen(ctx, "tcp", "127.0.0.1:0")
	if err == nil {
		client, err = Dial(ctx, "tcp", ln.Addr().String())
	}
	if err == nil {
		server, err = ln.AcceptConn()
	}
	if err != nil {
		b.Fatal(err)
	}
	_ = ln.Close()
	return client, server
}

// What does a Conn's method pay to know that a task is calling? The bar is 5 ns.
func BenchmarkConnIdentity(b *testing.B) {
	onLoop(b, func(ctx context.Context, _ *Scope) {
		c, _ := benchPair(b, ctx)
		b.ResetTimer()
		for range b.N {
			if c.loop.currentTask() == nil {
				b.Fatal("not on a task")
			}
		}
	})
}

// What does a byte cost that is copied from one connection to another, by splice
// and by reading and writing? The copy's own thread, and the whole process, in
// which package net sends and receives.
func BenchmarkCopy(b *testing.B) {
	for _, way := range []string{"splice", "read and write"} {
		for _, message := range []int{1 << 10, 16 << 10, 128 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d KiB", way, message>>10), func(b *testing.B) {
				benchmarkCopy(b, message, way == "splice")
			})
		}
	}
}

func benchmarkCopy(b *testing.B, message int, splice bool) {
	err := Run(context.Background(), func(ctx context.Context) error {
		t, _ := currentTaskOf(ctx)
		t.loop().pipes.unsupported = !splice
		from, in := benchPair(b, ctx)
		out, to := benchPair(b, ctx)
		source, err := from.Detach()
		if err != nil {
			return err
		}
		sink, err := to.Detach()
		if err != nil {
			return err
		}
		defer sink.Close()
		go func() {
			defer source.Close()
			p := make([]byte, message)
			for range b.N {
				if _, err := source.Write(p); err != nil {
					return
				}
			}
		}()
		go func() { _, _ = io.Copy(io.Discard, readerOnly{sink}) }()
		b.SetBytes(int64(message))
		thread, process := cpuTime()
		b.ResetTimer()
		n, err := io.Copy(out, in)
		b.StopTimer()
		if n > 0 {
			threadEnd, processEnd := cpuTime()
			b.ReportMetric(float64(threadEnd-thread)/float64(n), "copy-ns/byte")
			b.ReportMetric(float64(processEnd-process)/float64(n), "all-ns/byte")
		}
		_ = out.Close()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}
