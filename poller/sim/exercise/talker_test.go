package exercise

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/weft-go/weft/reactor"
)

// talker is one end of a conversation, as the handler of its connection. It
// checks that it is called as Handler says.
type talker struct {
	station *station
	end     *end
	conn    *reactor.Conn
	options reactor.ConnOptions
	state   talkerState
	left    int // to be said
	kept    int // offered and not consumed
	paused  bool
	ended   func() // its connection has closed; nil
}

// talkerState is where the callbacks have got to.
type talkerState uint8

const (
	talkerNew talkerState = iota
	talkerOpen
	talkerHeardAll // OnEOF was called
	talkerClosed   // OnClose was called
)

func (s talkerState) String() string { return [...]string{"new", "open", "at the end", "closed"}[s] }

func (s *station) talker(e *end, c *reactor.Conn, o reactor.ConnOptions) *talker {
	t := &talker{station: s, end: e, conn: c, options: o, left: s.run.size()}
	s.talkers = append(s.talkers, t)
	return t
}

// called checks a callback against the ones before it.
func (t *talker) called(what string, allowed ...talkerState) {
	for _, s := range allowed {
		if t.state == s {
			return
		}
	}
	t.end.run.fail("%s: %s while it is %v", t.end.name, what, t.state)
}

func (t *talker) OnOpen(*reactor.Conn) {
	t.called("OnOpen", talkerNew)
	t.state = talkerOpen
	if t.end.run.hostile {
		t.station.after(guard, t.abort)
	}
	t.say()
}

func (t *talker) OnData(c *reactor.Conn, data []byte) int {
	r, e := t.end.run, t.end
	t.called("OnData", talkerOpen)
	switch {
	case t.paused || e.closed:
		r.fail("%s: OnData although it has paused (%v) or closed (%v)", e.name, t.paused, e.closed)
	case c.Unsent() > t.options.HighWater && !outputBroken(c):
		r.fail("%s: OnData with %d bytes unsent, over the high-water mark of %d", e.name, c.Unsent(), t.options.HighWater)
	case len(data) < t.kept || len(data) == 0:
		r.fail("%s: OnData with %d bytes, %d were kept", e.name, len(data), t.kept)
	}
	e.in.check(data)
	n := len(data)
	switch k := r.rng.IntN(40); {
	case k < 5:
		n = r.rng.IntN(n + 1)
	case k < 7:
		t.pause()
	case k < 9:
		t.say()
	case k == 9 && r.chance(30):
		n = 0 // of what is thrown away, nothing has been got
		t.breakOff()
	}
	e.in.got += n
	t.kept = len(data) - n
	if t.station.system.batch > 1 && r.chance(70) {
		t.station.evict(t)
	}
	return n
}

// pause stops the reading for a while.
func (t *talker) pause() {
	if t.conn.PauseRead() != nil {
		return
	}
	t.paused = true
	resume := func() {
		t.paused = false
		_ = t.conn.ResumeRead()
	}
	if t.end.run.chance(50) {
		t.station.post(resume)
	} else {
		t.station.after(t.end.run.upTo(20*time.Millisecond), resume)
	}
}

// breakOff is an end that the peer has not asked for.
func (t *talker) breakOff() {
	t.end.rude = true
	switch t.end.run.rng.IntN(4) {
	case 0:
		panic(errWhim)
	case 1:
		t.abort()
	case 2:
		_ = t.conn.SetReadDeadline(t.station.system.Epoch().Add(t.station.system.Now() + time.Millisecond))
	default:
		t.close()
	}
}

func (t *talker) abort() {
	if t.state != talkerClosed {
		t.end.rude, t.end.closed = true, true
		_ = t.conn.Abort()
	}
}

// close is Close, which throws away what the peer still sends.
func (t *talker) close() {
	if t.end == nil || t.state == talkerClosed {
		return
	}
	if !t.end.in.ended {
		t.end.rude = true
	}
	t.end.closed = true
	_ = t.conn.Close()
}

func (t *talker) OnEOF(*reactor.Conn) {
	t.called("OnEOF", talkerOpen)
	t.state = talkerHeardAll
	t.end.in.got += t.kept
	t.end.atEnd()
	if t.end.run.chance(30) {
		t.say()
	}
}

func (t *talker) OnWritable(c *reactor.Conn) {
	t.called("OnWritable", talkerOpen, talkerHeardAll)
	if n := c.Unsent(); n >= t.options.LowWater {
		t.end.run.fail("%s: OnWritable with %d bytes unsent, the low-water mark is %d", t.end.name, n, t.options.LowWater)
	}
	t.say()
}

func (t *talker) OnClose(_ *reactor.Conn, reason error) {
	t.called("OnClose", talkerNew, talkerOpen, talkerHeardAll)
	if t.state == talkerNew {
		t.end.rude = true // who never opened has told its peer nothing
	}
	t.state = talkerClosed
	if reason != nil && !errors.Is(reason, reactor.ErrAborted) && !errors.Is(reason, errWhim) {
		t.end.failed(context.Background(), "closed", reason)
	}
	if reason != nil {
		t.end.rude = true
	}
	t.end.finished = true
	t.station.forget(t)
	if t.ended != nil {
		t.ended()
	}
}

// say writes a part of what there is to say, and comes back to it; with nothing
// left it ends the stream.
func (t *talker) say() {
	r, e := t.end.run, t.end
	if t.state == talkerClosed || e.closed || t.left < 0 {
		return
	}
	for range 1 + r.rng.IntN(3) {
		if t.left == 0 {
			t.left = -1
			if t.state == talkerHeardAll && r.chance(50) || r.chance(5) {
				t.close() // which sends what is queued, too
				return
			}
			if err := t.conn.CloseWrite(); err != nil {
				e.failed(context.Background(), "close write", err)
			}
			return
		}
		n := 1 + r.rng.IntN(t.left)
		slow := t.conn.Unsent()+n > t.options.HardLimit
		if slow && r.chance(90) {
			break
		}
		p := e.out.begin(make([]byte, n))
		n, err := t.conn.Write(p)
		e.out.wrote(n)
		t.left -= n
		if err != nil {
			e.rude = e.rude || slow
			t.left = -1
			if !errors.Is(err, reactor.ErrSlowConsumer) || !slow {
				e.failed(context.Background(), "write", err)
			}
			return
		}
	}
	if again := func() { t.say() }; r.chance(30) {
		t.station.post(again)
	} else {
		t.station.after(r.upTo(10*time.Millisecond), again)
	}
}

// outputBroken reports whether a write has failed, after which what the peer had
// sent before is still read, whatever the marks say.
func outputBroken(c *reactor.Conn) bool {
	_, err := c.Write(nil)
	return err != nil && !errors.Is(err, io.ErrClosedPipe)
}
