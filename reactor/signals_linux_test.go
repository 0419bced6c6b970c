package reactor

import (
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestLoopSurvivesASignalStorm(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		var tid int
		s.do(func() { tid = syscall.Gettid() })
		stop := make(chan struct{})
		var storm sync.WaitGroup
		storm.Go(func() {
			for {
				select {
				case <-stop:
					return
				default: // the signal Go itself uses to interrupt goroutines
					if err := syscall.Tgkill(os.Getpid(), tid, syscall.SIGURG); err != nil {
						t.Errorf("tgkill: %v", err)
						return
					}
				}
			}
		})
		c := e.dial(s.listener)
		for range 100 {
			pingPong(t, c, "ping")
		}
		fired := make(chan struct{})
		s.do(func() { s.AfterFunc(10*time.Millisecond, func() { close(fired) }) })
		wait(t, fired, "a timer in a signal storm")
		close(stop)
		storm.Wait()
	})
}
