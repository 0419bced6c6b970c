package poller_test

import (
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/poller/pollertest"
)

// storm sends signals to the calling thread until the test ends, as fast as
// another one can.
func storm(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, unix.SIGUSR1)
	pid, tid := unix.Getpid(), unix.Gettid()
	var stop atomic.Bool
	var done sync.WaitGroup
	done.Go(func() {
		for !stop.Load() {
			_ = unix.Tgkill(pid, tid, unix.SIGUSR1)
			runtime.Gosched()
		}
	})
	t.Cleanup(func() {
		stop.Store(true)
		done.Wait()
		signal.Stop(handled)
	})
}

func TestSignalsNeverLeaveAsErrors(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		storm(t)
		// Nothing is registered and nobody wakes: only a signal ends these.
		for range 20 {
			require.Empty(t, l.Turn(-1), "Wait(-1), ended by a signal: events")
		}
		for range 50 {
			l.Turn(100 * time.Microsecond)
			client, server := l.Pair()
			l.Send(client, []byte("question"))
			l.Receive(server, 8)
			n, err := l.Writev(server, [][]byte{[]byte("ans"), []byte("wer")})
			require.NoError(t, err)
			require.Equal(t, "answer", string(l.Receive(client, n)))
			require.NoError(t, l.Wake())
			require.NoError(t, l.CloseFD(client))
			_, err = l.ReceiveAll(server)
			require.NoError(t, err)
			require.NoError(t, l.Abort(server))
		}
		client, server := l.Pair()
		l.Fill(client)
		l.MakeRoom(client, server)
	})
}

func TestBrokenPipeIsAnErrorAndNoSignalKills(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		client, server := l.Pair()
		require.NoError(t, l.CloseFD(server))
		for { // the first write is taken, and answered by a reset
			if _, err := l.Write(client, []byte("x")); err != nil {
				break
			}
			l.Turn(time.Millisecond)
		}
		for range 3 {
			_, err := l.Write(client, []byte("x"))
			require.ErrorIs(t, err, unix.EPIPE, "Write")
			_, err = l.Writev(client, [][]byte{[]byte("x")})
			require.ErrorIs(t, err, unix.EPIPE, "Writev")
		}
	})
}
