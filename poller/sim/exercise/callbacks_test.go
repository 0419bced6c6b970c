package exercise

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// station is a program whose loop calls handlers.
type station struct {
	run     *run
	name    string
	system  *system
	loop    *reactor.Loop
	stopped bool

	talkers []*talker // whose connections have not closed
	redial  func()    // one connection more; nil in a server
	posted  int
	ran     int // of those posted
}

func (r *run) station(name string, os poller.OS) (*station, error) {
	s := &station{run: r, name: name, system: r.system(name, os, r.limits())}
	var err error
	s.loop, err = reactor.NewLoop(r.options(s.system))
	s.system.after = s.look
	return s, err
}

// look checks after each turn what holds between any two.
func (s *station) look() {
	for _, t := range s.talkers {
		if n := t.conn.Unsent(); n > t.options.HardLimit {
			s.run.fail("%s: %d bytes wait to be sent, over the limit of %d", t.end.name, n, t.options.HardLimit)
		}
	}
	if n := s.loop.Stats().Conns; n != len(s.talkers) {
		s.run.fail("%s: the loop has %d connections, want %d: each has one OnClose", s.name, n, len(s.talkers))
	}
}

// turn runs the loop until stop, in one of the two ways there are.
func (s *station) turn() error {
	var err error
	if s.run.chance(50) {
		err = s.loop.Run(context.Background())
	} else {
		for err == nil && !s.stopped {
			err = s.loop.Turn(-1)
		}
		err = errors.Join(err, s.loop.Close())
	}
	if len(s.talkers) > 0 {
		s.run.fail("%s: %d connections had no OnClose when the loop had ended", s.name, len(s.talkers))
	}
	if s.ran != s.posted {
		s.run.fail("%s: %d functions posted, %d called", s.name, s.posted, s.ran)
	}
	if errors.Is(err, sim.ErrEnded) {
		return sim.ErrEnded
	}
	return err
}

// stop ends the loop: gently, when its connections have closed.
func (s *station) stop(gently bool) {
	if gently && len(s.talkers) > 0 {
		for _, t := range s.talkers {
			t.close()
		}
		s.after(10*time.Millisecond, func() { s.stop(true) })
		return
	}
	for _, t := range s.talkers {
		if t.end != nil {
			t.end.rude = true
		}
	}
	s.stopped = true
	s.loop.Stop()
}

// after is a timer that has to fire once, and not early.
func (s *station) after(d time.Duration, fn func()) *reactor.Timer {
	fired := false
	at := s.system.Now() + d
	return s.loop.AfterFunc(d, func() {
		if now := s.system.Now(); now < at {
			s.run.fail("%s: a timer fires %v early", s.name, at-now)
		}
		if fired {
			s.run.fail("%s: a timer fires twice", s.name)
		}
		fired = true
		fn()
	})
}

// post is Post, whose functions run in the order in which they came.
func (s *station) post(fn func()) {
	number := s.posted
	if s.loop.Post(func() {
		if s.ran != number {
			s.run.fail("%s: function %d runs as number %d", s.name, number, s.ran)
		}
		s.ran++
		fn()
	}) == nil {
		s.posted++
	}
}

func (r *run) callbackServer(name string, at address) func(poller.OS) error {
	return func(os poller.OS) error {
		if r.over {
			return nil
		}
		s, err := r.station(name, os)
		if err != nil {
			return err
		}
		o := reactor.ListenOptions{Conn: r.connOptions()}
		o.ReusePort = at.shared
		if r.chance(30) {
			o.MaxConns = 1 + r.rng.IntN(3)
		}
		ln, err := s.loop.Listen(at.network, at.listen, o, func(c *reactor.Conn) reactor.Handler {
			_, server := r.conversation(c.RemoteAddr().String())
			t := s.talker(server.open(), c, o.Conn)
			t.left = min(t.left, mostAnswers)
			return t
		})
		if err != nil {
			return errors.Join(err, s.loop.Close())
		}
		gently := r.chance(50)
		r.stops[name] = func() {
			s.post(func() {
				if gently {
					_ = ln.Close()
				}
				s.stop(gently)
			})
		}
		return s.turn()
	}
}

// mostRedials is how many evicted connections a client replaces.
//
// Bound: with more connections there is more to evict, and so it would go on.
const mostRedials = 5

func (r *run) callbackClient(h *sim.Host, name string) func(poller.OS) error {
	return func(os poller.OS) error {
		s, err := r.station(name, os)
		if err != nil {
			return err
		}
		left := 1 + r.rng.IntN(3)
		ended := func() {
			if left--; left == 0 {
				s.post(func() { s.stop(false) })
			}
		}
		for range left {
			s.after(r.delay(), func() { s.dial(h, ended) })
		}
		again := 0
		s.redial = func() {
			if again++; again > mostRedials {
				return
			}
			left++
			s.dial(h, ended)
		}
		if r.chance(5) {
			s.after(r.upTo(200*time.Millisecond), func() { s.stop(false) })
		}
		return s.turn()
	}
}

func (s *station) dial(h *sim.Host, ended func()) {
	r := s.run
	t := s.talker(nil, nil, r.connOptions())
	t.ended = ended
	o := reactor.DialOptions{ConnOptions: t.options}
	if r.hostile {
		o.Timeout = r.upTo(time.Minute)
	}
	to := r.target(h)
	c, err := s.loop.Dial(to.network, to.at, o, t)
	if err != nil {
		if !r.hostile {
			r.fail("%s: dial: %v", s.name, err)
		}
		s.forget(t)
		ended()
		return
	}
	t.conn = c
	client, _ := r.conversation(c.LocalAddr().String())
	t.end = client.open()
	if r.chance(20) {
		t.say() // before it is connected
	}
}

// evict aborts another connection of the loop's from inside a handler, and lets
// a new one have its place at once: the event that the other one may have later
// in this batch is nobody's.
func (s *station) evict(by *talker) {
	other := s.talkers[s.run.rng.IntN(len(s.talkers))]
	if other == by || other.end == nil {
		return
	}
	other.abort()
	if s.redial != nil && !s.stopped {
		s.redial()
	}
}

func (s *station) forget(t *talker) {
	s.talkers = slices.DeleteFunc(s.talkers, func(other *talker) bool { return other == t })
}

// connOptions are small marks now and then. The drain time is longer than
// anything takes in a world without faults.
func (r *run) connOptions() reactor.ConnOptions {
	o := reactor.ConnOptions{HighWater: 64 << 10, LowWater: 16 << 10, HardLimit: 16 << 20, MaxUnconsumed: 1 << 20, DrainTimeout: time.Hour}
	if r.chance(50) {
		o.HighWater = 1 + r.rng.IntN(5000)
		o.LowWater = r.rng.IntN(o.HighWater) + 1
		o.HardLimit = o.HighWater + r.rng.IntN(100_000)
	}
	return o
}
