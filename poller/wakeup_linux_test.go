package poller_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/pollertest"
)

func TestWakeCostsOneWrite(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		for round := range 20 {
			before, err := poller.WakeWrites(l.OS)
			require.NoError(t, err)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 500 {
						if err := l.Wake(); err != nil {
							t.Errorf("Wake: %v", err)
						}
					}
				})
			}
			all.Wait()
			after, err := poller.WakeWrites(l.OS)
			require.NoError(t, err)
			require.Equal(t, 1, after-before, "round %d: 4000 wake-ups from 8 goroutines before the loop looks: writes", round)
			l.Turn(-1)
		}
		l.Sleeps()
	})
}

// Each goroutine hands something over and wakes; the loop takes until it has
// everything. A lost wake-up leaves the loop in Wait for ever.
func TestWakeIsNeverLost(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		const producers, each = 4, 2000
		var mu sync.Mutex
		posted := 0
		var all sync.WaitGroup
		for range producers {
			all.Go(func() {
				for range each {
					mu.Lock()
					posted++
					mu.Unlock()
					if err := l.Wake(); err != nil {
						t.Errorf("Wake: %v", err)
					}
				}
			})
		}
		for taken := 0; taken < producers*each; {
			l.Turn(-1)
			mu.Lock()
			taken, posted = taken+posted, 0
			mu.Unlock()
		}
		all.Wait()
	})
}

func TestWakeDuringCloseIsSafe(t *testing.T) {
	for range 20 {
		onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
			start := make(chan struct{})
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					<-start
					for range 50 {
						if err := l.Wake(); err != nil {
							t.Errorf("Wake: %v", err)
						}
					}
				})
			}
			close(start)
			l.Turn(0)
			require.NoError(t, l.Close())
			all.Wait()
		})
	}
}

func TestWakeAfterCloseTouchesNoDescriptor(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		fd := poller.WakeFD(l.OS)
		require.NoError(t, l.Close())
		// The number's next owner is a pipe.
		var p [2]int
		require.NoError(t, unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
		t.Cleanup(func() { unix.Close(p[0]) })
		if p[1] != fd {
			require.NotEqual(t, fd, p[0], "the test needs the number %d for the writing end", fd)
			require.NoError(t, unix.Dup3(p[1], fd, unix.O_CLOEXEC))
			unix.Close(p[1])
		}
		t.Cleanup(func() { unix.Close(fd) })
		require.NoError(t, l.Wake(), "Wake after Close")
		require.NoError(t, l.Close(), "second Close")
		n, err := unix.Read(p[0], make([]byte, 64))
		require.Equal(t, unix.EAGAIN, err, "what Wake and Close did to the next owner of %d: read %d bytes", fd, n)
	})
}
