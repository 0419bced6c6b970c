package reactor

import (
	"math"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// told is a waiter that keeps what it was told.
type told []error

func (w *told) Ready(err error) { *w = append(*w, err) }

func fakeSource(t *testing.T, l *Loop, f *fakeOS) (*Source, *fakeFile) {
	fd, file := f.open()
	s := new(Source)
	require.NoError(t, l.Register(s, fd))
	return s, file
}

func TestSourceTakesOneWaiterForEachDirection(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	s, file := fakeSource(t, l, f)
	var in, out told
	require.NoError(t, s.Await(In, &in))
	require.NoError(t, s.Await(Out, &out))
	require.Equal(t, ErrWaiterBusy, s.Await(In, &out), "second waiter for reading")
	require.Equal(t, ErrRegistered, l.Register(s, 7), "Register of a source in use")
	f.event(file, poller.Readable)
	turn(t, l)
	require.Equal(t, told{nil}, in, "what the reading waiter was told")
	require.Empty(t, out, "what the writing waiter was told")
	f.event(file, poller.Readable|poller.Writable)
	turn(t, l)
	require.Len(t, in, 1, "a waiter is called once")
	require.Equal(t, told{nil}, out, "what the writing waiter was told")
	require.True(t, s.Ready(In) && s.Ready(Out))
}

func TestSourceThatIsReadyTellsANewWaiterInTheNextBatch(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	s, file := fakeSource(t, l, f)
	f.event(file, poller.Readable)
	turn(t, l)
	var w, cancelled told
	require.NoError(t, s.Await(In, &cancelled))
	require.True(t, s.Cancel(In), "Cancel")
	require.False(t, s.Cancel(In), "second Cancel")
	require.NoError(t, s.Await(In, &w))
	require.Empty(t, w, "told from inside Await")
	turn(t, l)
	turn(t, l)
	require.Equal(t, told{nil}, w)
	require.Empty(t, cancelled, "what the cancelled waiter was told")
}

func TestSourceCloseTellsWhoWaits(t *testing.T) {
	for name, end := range map[string]func(*Source) error{
		"Close":      (*Source).Close,
		"Deregister": func(s *Source) error { _, err := s.Deregister(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			l, f := newFakeLoop(t, Options{})
			s, file := fakeSource(t, l, f)
			var in, out told
			require.NoError(t, s.Await(In, &in))
			require.NoError(t, s.Await(Out, &out))
			require.NoError(t, end(s))
			require.Equal(t, told{net.ErrClosed}, in)
			require.Equal(t, told{net.ErrClosed}, out)
			require.Equal(t, name == "Close", file.closed, "descriptor closed")
			require.Equal(t, net.ErrClosed, end(s), "second %s", name)
			require.Equal(t, net.ErrClosed, s.Await(In, &in))
			_, err := s.Read(make([]byte, 1))
			require.Equal(t, net.ErrClosed, err, "Read")
			_, err = s.Write(nil)
			require.Equal(t, net.ErrClosed, err, "Write")
			_, err = s.Writev(nil)
			require.Equal(t, net.ErrClosed, err, "Writev")
			require.Equal(t, poller.NoFD, s.FD())
			s.SetDeadline(In, 1)
			f.event(file, poller.Readable|poller.Writable)
			turn(t, l)
			require.EqualValues(t, 1, l.Stats().StaleEvents, "stale events")
		})
	}
}

// What a waiter does is the user's; the other one must not pay for it.
func TestSourceWaiterThatPanicsCostsNothingElse(t *testing.T) {
	bad := waiterFunc(func(error) { panic("in a waiter") })

	t.Run("The other direction's event is not lost", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		s, file := fakeSource(t, l, f)
		var out told
		require.NoError(t, s.Await(In, bad))
		require.NoError(t, s.Await(Out, &out))
		f.event(file, poller.Readable|poller.Writable)
		turn(t, l)
		turn(t, l)
		require.Equal(t, told{nil}, out, "what the writing waiter was told")
		require.True(t, s.Ready(Out))
	})

	t.Run("The other direction's deadline is not lost", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		s, _ := fakeSource(t, l, f)
		var out told
		require.NoError(t, s.Await(In, bad))
		require.NoError(t, s.Await(Out, &out))
		s.SetDeadline(In, time.Second)
		s.SetDeadline(Out, time.Second)
		f.now = 2 * time.Second
		turn(t, l)
		turn(t, l)
		require.Equal(t, told{os.ErrDeadlineExceeded}, out, "what the writing waiter was told")
	})

	t.Run("The descriptor is closed and the other waiter told", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		s, file := fakeSource(t, l, f)
		var out told
		require.NoError(t, s.Await(In, bad))
		require.NoError(t, s.Await(Out, &out))
		require.NoError(t, l.Post(func() { _ = s.Close() }))
		turn(t, l)
		require.True(t, file.closed, "descriptor closed")
		require.Equal(t, told{net.ErrClosed}, out)
	})

	t.Run("A loop that closes closes the rest", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		first, file1 := fakeSource(t, l, f)
		second, file2 := fakeSource(t, l, f)
		var w told
		require.NoError(t, first.Await(In, bad))
		require.NoError(t, second.Await(In, &w))
		require.NoError(t, l.Close())
		require.True(t, file1.closed && file2.closed, "descriptors closed")
		require.Equal(t, told{net.ErrClosed}, w)
	})
}

func TestDeadlineEndsTheWait(t *testing.T) {
	deadline := func(t *testing.T) (*Loop, *fakeOS, *Source, *fakeFile, *told) {
		l, f := newFakeLoop(t, Options{})
		f.now = time.Hour
		turn(t, l)
		s, file := fakeSource(t, l, f)
		w := new(told)
		require.NoError(t, s.Await(In, w))
		return l, f, s, file, w
	}
	at := func(t *testing.T, l *Loop, f *fakeOS, now time.Duration) {
		f.now = now
		turn(t, l)
	}

	t.Run("never early and at most a tick late", func(t *testing.T) {
		l, f, s, _, w := deadline(t)
		s.SetDeadline(In, 2*time.Hour)
		at(t, l, f, 2*time.Hour-1)
		require.Empty(t, *w, "1 ns before the deadline")
		at(t, l, f, 2*time.Hour+wheelTick)
		require.Equal(t, told{os.ErrDeadlineExceeded}, *w)
		at(t, l, f, 9*time.Hour)
		require.Len(t, *w, 1, "a waiter is told once")
		require.Equal(t, os.ErrDeadlineExceeded, s.Await(In, w), "a later wait")
		s.SetDeadline(In, 0)
		require.NoError(t, s.Await(In, w), "a wait after the deadline was cleared")
	})

	t.Run("when it was shortened", func(t *testing.T) {
		l, f, s, _, w := deadline(t)
		s.SetDeadline(In, 5*time.Hour)
		s.SetDeadline(In, 2*time.Hour)
		at(t, l, f, 2*time.Hour+wheelTick)
		require.Len(t, *w, 1)
	})

	t.Run("when it was extended, at the later moment", func(t *testing.T) {
		l, f, s, _, w := deadline(t)
		s.SetDeadline(In, 2*time.Hour)
		s.SetDeadline(In, 5*time.Hour)
		at(t, l, f, 3*time.Hour)
		require.Empty(t, *w, "after the first, before the second moment")
		at(t, l, f, 5*time.Hour+wheelTick)
		require.Len(t, *w, 1)
	})

	t.Run("not when it was cleared", func(t *testing.T) {
		l, f, s, _, w := deadline(t)
		s.SetDeadline(In, 2*time.Hour)
		s.SetDeadline(In, 0)
		at(t, l, f, 9*time.Hour)
		require.Empty(t, *w)
		require.NoError(t, l.Turn(-1))
		require.EqualValues(t, -1, f.timeout, "timeout of a wait without deadlines")
	})

	t.Run("in the next turn when it has passed already", func(t *testing.T) {
		l, f, s, _, w := deadline(t)
		for _, past := range []time.Duration{time.Hour, 1, -5, math.MinInt64} {
			*w = nil
			s.SetDeadline(In, 0)
			s.Cancel(In)
			require.NoError(t, s.Await(In, w))
			s.SetDeadline(In, past)
			require.NoError(t, l.Turn(-1))
			at(t, l, f, f.now+wheelTick)
			require.Equal(t, told{os.ErrDeadlineExceeded}, *w, "deadline %v at %v", past, l.Now())
		}
	})

	t.Run("before data that comes in the same turn", func(t *testing.T) {
		l, f, s, file, w := deadline(t)
		s.SetDeadline(In, 2*time.Hour)
		f.feed(file, "late")
		at(t, l, f, 3*time.Hour)
		require.Equal(t, told{os.ErrDeadlineExceeded}, *w)
		require.True(t, s.Ready(In), "the data is there all the same")
	})

	t.Run("for each direction by itself", func(t *testing.T) {
		l, f, s, _, in := deadline(t)
		var out told
		require.NoError(t, s.Await(Out, &out))
		s.SetDeadline(In, 3*time.Hour)
		s.SetDeadline(Out, 2*time.Hour)
		at(t, l, f, 2*time.Hour+wheelTick)
		require.Len(t, out, 1)
		require.Empty(t, *in)
		at(t, l, f, 3*time.Hour+wheelTick)
		require.Len(t, *in, 1)
	})

	t.Run("not of a source that was closed", func(t *testing.T) {
		l, f, s, _, w := deadline(t)
		s.SetDeadline(In, 2*time.Hour)
		require.NoError(t, s.Close())
		at(t, l, f, 3*time.Hour)
		require.Equal(t, told{net.ErrClosed}, *w)
		require.Zero(t, l.wheel.len)
	})

	t.Run("at the end of time", func(t *testing.T) {
		l, f, s, _, w := deadline(t)
		s.SetDeadline(In, math.MaxInt64)
		require.NoError(t, l.Turn(-1))
		require.Positive(t, f.timeout, "timeout")
		at(t, l, f, math.MaxInt64-wheelTick)
		require.Empty(t, *w)
	})
}

func TestDeadlineMovedForwardDoesNotTouchTheWheel(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	var sources []*Source
	var w told
	for range 100 {
		s, _ := fakeSource(t, l, f)
		require.NoError(t, s.Await(In, &w))
		s.SetDeadline(In, time.Minute)
		sources = append(sources, s)
	}
	// A minute's messages, ten in a second: each moves each deadline.
	touched := 0
	for range 600 {
		f.now += 100 * time.Millisecond
		for _, s := range sources {
			before := s.deadlines.found
			turn(t, l)
			s.SetDeadline(In, f.now+time.Minute)
			if s.deadlines.found != before {
				touched++
			}
		}
	}
	require.LessOrEqual(t, touched, 2*len(sources), "times the wheel moved an entry, for 60 000 moves of a deadline")
	require.Empty(t, w)
}
