package reactor

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/weft-go/weft/poller"
)

// What does setting and stopping a timer cost, beside so many others?
func BenchmarkTimerSetAndStop(b *testing.B) {
	for _, others := range []int{0, 1000, 100_000} {
		b.Run(fmt.Sprint("others=", others), func(b *testing.B) {
			l, _ := newFakeLoop(b, Options{})
			for i := range others {
				l.AfterFunc(time.Duration(i)*time.Millisecond, func() {})
			}
			t := l.NewTimer(func() {})
			b.ReportAllocs()
			for i := range b.N {
				t.Reset(time.Duration(i&1023) * time.Millisecond)
				t.Stop()
			}
		})
	}
}

// What does an idle limit cost that is set anew with every message?
func BenchmarkDeadlineMove(b *testing.B) {
	l, f := newFakeLoop(b, Options{})
	c, _ := f.conn(b, l, ConnOptions{}, NopHandler{})
	b.Run("Source", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			c.src.SetDeadline(In, time.Hour+time.Duration(i))
		}
	})
	b.Run("Conn", func(b *testing.B) {
		at := f.epoch.Add(time.Hour)
		b.ReportAllocs()
		for range b.N {
			at = at.Add(1)
			_ = c.SetReadDeadline(at)
		}
	})
}

// What does Post cost, its function's run included, when many are posted?
func BenchmarkPost(b *testing.B) {
	for _, goroutines := range []int{1, 4} {
		b.Run(fmt.Sprint("goroutines=", goroutines), func(b *testing.B) {
			l, err := NewLoop(Options{})
			if err != nil {
				b.Fatal(err)
			}
			ended := make(chan error)
			go func() { ended <- l.Run(b.Context()) }()
			b.ReportAllocs()
			ran := 0
			fn := func() { ran++ }
			var all sync.WaitGroup
			for range goroutines {
				all.Go(func() {
					for range b.N / goroutines {
						for l.Post(fn) != nil {
						}
					}
				})
			}
			all.Wait()
			done := make(chan struct{})
			for l.Post(func() { close(done) }) != nil {
			}
			<-done
			b.StopTimer()
			l.Stop()
			<-ended
		})
	}
}

// What does a turn cost that has nothing to do? With a look at the descriptors,
// and with a wait that is over at once. Both are mostly the system call.
func BenchmarkEmptyTurn(b *testing.B) {
	for name, limit := range map[string]time.Duration{"looks": 0, "sleeps": 1} {
		b.Run(name, func(b *testing.B) {
			l, err := NewLoop(Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			for range b.N {
				_ = l.Turn(limit)
			}
		})
	}
}

// What does a request cost above the kernel?
func BenchmarkTurnWithAnEcho(b *testing.B) {
	for _, conns := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint("conns=", conns), func(b *testing.B) {
			system := &benchOS{fakeOS: newFakeOS()}
			l, err := NewLoop(Options{OS: system})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			for range conns {
				_, file := system.conn(b, l, ConnOptions{}, echoing{})
				system.tokens = append(system.tokens, file.token)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += min(conns, 256) {
				_ = l.Turn(-1)
			}
		})
	}
}

// benchOS has a request of 64 bytes on every connection it is asked about.
type benchOS struct {
	*fakeOS
	tokens []poller.Token
	at     int
}

func (o *benchOS) Wait(events []poller.Event, _ time.Duration) (int, error) {
	n := min(len(events), len(o.tokens))
	for i := range n {
		events[i] = poller.Event{Token: o.tokens[o.at], Ready: poller.Readable | poller.Writable}
		if o.at++; o.at == len(o.tokens) {
			o.at = 0
		}
	}
	return n, nil
}

func (o *benchOS) Now() time.Duration                       { return 0 }
func (o *benchOS) Read(poller.FD, []byte) (int, error)      { return 64, nil }
func (o *benchOS) Write(_ poller.FD, p []byte) (int, error) { return len(p), nil }
func (o *benchOS) CloseFD(poller.FD) error                  { return nil }

func BenchmarkRing(b *testing.B) {
	var r ring[Runnable]
	b.ReportAllocs()
	for range b.N {
		r.push(nil)
		r.push(nil)
		r.pop()
		r.pop()
	}
}
