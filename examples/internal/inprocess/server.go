package inprocess

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Server is one that runs until its context ends.
type Server struct {
	Addr string
	// End ends its context; the test's end does so, too.
	End  context.CancelFunc
	t    *testing.T
	done chan error
}

// Start runs a server on a free port until it listens, of which it tells by calling
// ready.
func Start(t *testing.T, run func(ctx context.Context, addr string, ready func(net.Addr)) error) *Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{t: t, End: cancel, done: make(chan error, 1)}
	listening := make(chan string, 1)
	go func() {
		s.done <- run(ctx, "127.0.0.1:0", func(a net.Addr) { listening <- a.String() })
		close(s.done)
	}()
	select {
	case s.Addr = <-listening:
	case err := <-s.done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		s.Wait()
	})
	return s
}

// Wait waits for the end that End, or the test's, has asked for.
func (s *Server) Wait() {
	s.t.Helper()
	if err, first := <-s.done; first {
		require.ErrorIs(s.t, err, context.Canceled)
	}
}

// Until waits for what other goroutines are about to do.
func Until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), "waited for a minute: %s", what)
	}
}
