package reactor

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

func TestFirehoseDoesNotStarveOthers(t *testing.T) {
	t.Run("A connection reads no more than its budget in a turn", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		l.poison = false // a gigabyte passes through
		_, hose := f.conn(t, l, ConnOptions{}, NopHandler{})
		hose.endless = true
		f.event(hose, poller.Readable)
		var pingers []*fakeFile
		for range 200 {
			_, file := f.conn(t, l, ConnOptions{}, echoing{})
			pingers = append(pingers, file)
		}
		for n := range 30 {
			before := l.Stats().BytesRead
			for _, p := range pingers {
				f.feed(p, "ping")
			}
			turn(t, l)
			for _, p := range pingers {
				require.Len(t, p.out, 4*(n+1), "bytes echoed to a pinger after turn %d", n)
			}
			require.LessOrEqual(t, l.Stats().BytesRead-before, uint64(256<<10+64<<10+200*4), "bytes read in a turn")
		}
		require.Greater(t, l.Stats().BytesRead, uint64(30*256<<10), "bytes of the firehose, which raised one event")
	})

	t.Run("Neither does one that pauses and resumes itself", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		l.poison = false // a gigabyte passes through
		_, hose := f.conn(t, l, ConnOptions{}, &calls{data: func(c *Conn, b []byte) int {
			_ = c.PauseRead()
			_ = c.ResumeRead()
			return len(b)
		}})
		hose.endless = true
		f.event(hose, poller.Readable)
		for range 30 {
			before := l.Stats().BytesRead
			turn(t, l)
			require.LessOrEqual(t, l.Stats().BytesRead-before, uint64(256<<10+64<<10), "bytes read in a turn")
		}
	})

	t.Run("On a real kernel", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			s := e.serve(ListenOptions{}, always(echoing{}))
			sink := e.dial(s.listener)
			var all sync.WaitGroup
			all.Go(func() {
				p := make([]byte, 1<<20)
				for {
					if _, err := sink.Write(p); err != nil {
						return
					}
				}
			})
			all.Go(func() {
				p := make([]byte, 1<<20)
				for {
					if _, err := sink.Read(p); err != nil {
						return
					}
				}
			})
			var pingers []net.Conn
			for range 50 {
				pingers = append(pingers, e.dial(s.listener))
			}
			for range 10 {
				for _, p := range pingers {
					_, err := io.WriteString(p, "ping")
					require.NoError(t, err)
				}
				for _, p := range pingers {
					_, err := io.ReadFull(p, make([]byte, 4))
					require.NoError(t, err, "a pinger beside a firehose")
				}
			}
			sink.Close()
			all.Wait()
		})
	})
}

func TestFunctionThatPostsItselfDoesNotStarveConnections(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		var again func()
		stop := false
		again = func() {
			if !stop {
				require.NoError(t, s.Post(again))
			}
		}
		var task runFunc
		task = func() {
			if !stop {
				s.Schedule(task)
			}
		}
		require.NoError(t, s.Post(again))
		s.do(func() { s.Schedule(task) })
		c := e.dial(s.listener)
		for range 100 {
			pingPong(t, c, "ping")
		}
		s.do(func() { stop = true })
	})
}

func TestFunctionsOverTheBudgetRunInTheNextTurnWithoutASleep(t *testing.T) {
	l, f := newFakeLoop(t, Options{Limits: Limits{TasksPerTurn: 10}})
	ran := 0
	for range 25 {
		require.NoError(t, l.Post(func() { ran++ }))
	}
	for _, want := range []int{10, 20, 25} {
		require.NoError(t, l.Turn(-1))
		require.Equal(t, want, ran, "functions run")
		if want < 25 {
			require.Zero(t, f.timeout, "timeout with functions left over")
		}
	}
	require.EqualValues(t, -1, f.timeout)
}

func TestScheduleNextLetsTheLoopLookFirst(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	_, file := f.conn(t, l, ConnOptions{}, echoing{})
	runs := 0
	var again runFunc
	again = func() {
		runs++
		l.ScheduleNext(again)
	}
	l.Schedule(again)
	for n := range 5 {
		f.feed(file, "ping")
		turn(t, l)
		require.Equal(t, n+1, runs, "runs after as many turns")
		require.Len(t, file.out, 4*(n+1), "bytes echoed meanwhile")
	}
}
