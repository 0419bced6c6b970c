package coro

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller/sim"
)

const ms = time.Millisecond

// The orderings of RFC 8305, to the millisecond of a simulated clock: who wins, after
// how long, and which addresses were connected to, in which order.
func TestDialRaces(t *testing.T) {
	four, six := []string{serves4}, []string{serves6}
	never := func(a *sim.Answer) { a.Delay = time.Hour }
	broken := errors.New("the name server is broken")
	for name, test := range map[string]struct {
		addrs []string
		set   func(r *raceWorld)
		dial  Dialer
		on    string // network; "tcp" by default
		took  time.Duration
		tried []string
		wins  string
		fails error
	}{
		"both answers at once: IPv6": {addrs: []string{serves4, serves6}, took: 20 * ms, tried: six, wins: serves6},
		"AAAA a little late is waited for": {
			addrs: []string{serves4, serves6}, set: func(r *raceWorld) { r.name.AAAA.Delay = 30 * ms },
			took: 50 * ms, tried: six, wins: serves6,
		},
		"AAAA later than the resolution delay is not": {
			addrs: []string{serves4, serves6}, set: func(r *raceWorld) { r.name.AAAA.Delay = 60 * ms },
			took: 70 * ms, tried: four, wins: serves4,
		},
		"AAAA that never comes":           {addrs: four, set: func(r *raceWorld) { never(&r.name.AAAA) }, took: 70 * ms, tried: four, wins: serves4},
		"A that never comes":              {addrs: six, set: func(r *raceWorld) { never(&r.name.A) }, took: 20 * ms, tried: six, wins: serves6},
		"no AAAA: A without the delay":    {addrs: four, took: 20 * ms, tried: four, wins: serves4},
		"no AAAA, and A late":             {addrs: four, set: func(r *raceWorld) { r.name.A.Delay = 30 * ms }, took: 50 * ms, tried: four, wins: serves4},
		"AAAA fails: A without the delay": {addrs: four, set: func(r *raceWorld) { r.name.AAAA.Err = broken }, took: 20 * ms, tried: four, wins: serves4},
		"A fails, AAAA is late":           {addrs: six, set: func(r *raceWorld) { r.name.A.Err = broken; r.name.AAAA.Delay = 90 * ms }, took: 110 * ms, tried: six, wins: serves6},
		"one family only: tcp4":           {on: "tcp4", addrs: []string{serves4, serves6}, set: func(r *raceWorld) { never(&r.name.AAAA) }, took: 20 * ms, tried: four, wins: serves4},
		"one family only: tcp6":           {on: "tcp6", addrs: []string{serves4, serves6}, set: func(r *raceWorld) { never(&r.name.A) }, took: 20 * ms, tried: six, wins: serves6},

		"the first one fails: the next at once": {addrs: []string{refuse6, serves4}, took: 40 * ms, tried: []string{refuse6, serves4}, wins: serves4},
		"the first one is silent":               {addrs: []string{silent6, serves4}, took: 270 * ms, tried: []string{silent6, serves4}, wins: serves4},
		"the first one is silent, and a short delay": {
			addrs: []string{silent6, serves4}, dial: Dialer{AttemptDelay: 10 * ms}, took: 30 * ms, tried: []string{silent6, serves4}, wins: serves4,
		},
		"the first one is slow, and the second wins": {
			addrs: []string{slow6, serves4}, set: func(r *raceWorld) { r.slow.Set(sim.Conditions{Latency: 200 * ms}) },
			took: 270 * ms, tried: []string{slow6, serves4}, wins: serves4,
		},
		"the first one is slow, and wins still": {
			addrs: []string{slow6, serves4}, set: func(r *raceWorld) { r.slow.Set(sim.Conditions{Latency: 130 * ms}) },
			took: 260 * ms, tried: []string{slow6, serves4}, wins: slow6,
		},
		"a failure while another one is under way": {
			addrs: []string{silent6, refuse4, serves6}, took: 290 * ms, tried: []string{silent6, refuse4, serves6}, wins: serves6,
		},
		"families take turns": {
			addrs: []string{silent4, silent6, refuse4, refuse6, serves4},
			took:  560 * ms, tried: []string{silent6, silent4, refuse6, refuse4, serves4}, wins: serves4,
		},
		"late AAAA joins the race": {
			addrs: []string{silent4, refuse4, serves6}, set: func(r *raceWorld) { r.name.AAAA.Delay = 100 * ms },
			took: 320 * ms, tried: []string{silent4, serves6}, wins: serves6,
		},
		"late AAAA where everything has failed": {
			addrs: []string{refuse4, serves6}, set: func(r *raceWorld) { r.name.AAAA.Delay = 100 * ms },
			took: 120 * ms, tried: []string{refuse4, serves6}, wins: serves6,
		},
		"the first one is nobody's": {
			addrs: []string{"fd99::1", serves4},
			took:  270 * ms, tried: []string{"fd99::1", serves4}, wins: serves4,
		},

		"both fail: the error of the first": {addrs: []string{refuse4, refuse6}, took: 40 * ms, tried: []string{refuse6, refuse4}, fails: syscall.ECONNREFUSED},
		"different failures: the first's, not the one that came first": {
			addrs: []string{"fd99::1", refuse4}, took: 3000 * ms, tried: []string{"fd99::1", refuse4}, fails: syscall.EHOSTUNREACH,
		},
		"no address at all":            {took: 0, fails: &net.DNSError{}},
		"both lookups fail":            {set: func(r *raceWorld) { r.name.A.Err, r.name.AAAA.Err = broken, broken }, fails: broken},
		"one lookup fails, none has":   {set: func(r *raceWorld) { r.name.AAAA.Err = broken }, fails: broken},
		"a timeout while it resolves":  {set: func(r *raceWorld) { never(&r.name.A); never(&r.name.AAAA) }, dial: Dialer{Timeout: 30 * ms}, took: 30 * ms, fails: os.ErrDeadlineExceeded},
		"a timeout while it connects":  {addrs: []string{silent6, silent4}, dial: Dialer{Timeout: 300 * ms}, took: 300 * ms, tried: []string{silent6, silent4}, fails: os.ErrDeadlineExceeded},
		"a timeout after a failure":    {addrs: []string{refuse6, silent4}, dial: Dialer{Timeout: 300 * ms}, took: 300 * ms, tried: []string{refuse6, silent4}, fails: os.ErrDeadlineExceeded},
		"a timeout, AAAA yet to come":  {addrs: []string{refuse4}, set: func(r *raceWorld) { never(&r.name.AAAA) }, dial: Dialer{Timeout: 300 * ms}, took: 300 * ms, tried: []string{refuse4}, fails: os.ErrDeadlineExceeded},
		"little time is shared fairly": {addrs: []string{silent6, silent4, "fd00::4", serves4}, dial: Dialer{Timeout: 600 * ms}, took: 470 * ms, tried: []string{silent6, silent4, silent6, serves4}, wins: serves4},

		"one after the other: a failure":     {addrs: []string{refuse6, serves4}, dial: Dialer{AttemptDelay: -1}, took: 40 * ms, tried: []string{refuse6, serves4}, wins: serves4},
		"one after the other: share of time": {addrs: []string{silent6, serves4}, dial: Dialer{AttemptDelay: -1, Timeout: 10 * time.Second}, took: 5020 * ms, tried: []string{silent6, serves4}, wins: serves4},
		"one after the other: a fair share is too little": {
			addrs: []string{silent6, silent4, serves6, serves4}, dial: Dialer{AttemptDelay: -1, Timeout: 5 * time.Second},
			took: 4020 * ms, tried: []string{silent6, silent4, serves6}, wins: serves6,
		},
		"one after the other: late AAAA is given its share": {
			addrs: []string{silent4, serves6}, set: func(r *raceWorld) { r.name.AAAA.Delay = 100 * ms },
			dial: Dialer{AttemptDelay: -1, Timeout: 10 * time.Second}, took: 5070 * ms, tried: []string{silent4, serves6}, wins: serves6,
		},
		"one after the other: all time": {addrs: []string{silent6, silent4}, dial: Dialer{AttemptDelay: -1, Timeout: 3 * time.Second}, took: 3000 * ms, tried: []string{silent6, silent4}, fails: os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			sim.Test(t, func(t *testing.T, w *sim.World) {
				r := newRaceWorld(w)
				r.resolves(test.addrs...)
				if test.set != nil {
					test.set(r)
				}
				if test.on == "" {
					test.on = "tcp"
				}
				wins, took, err := r.dials(t, test.dial, test.on, unbounded)
				var unknown *net.DNSError
				switch {
				case test.fails == nil:
					require.NoError(t, err)
				case errors.As(test.fails, &unknown):
					require.ErrorAs(t, err, &unknown)
					require.True(t, unknown.IsNotFound)
				default:
					require.ErrorIs(t, err, test.fails)
				}
				if err != nil {
					var failed *net.OpError
					require.ErrorAs(t, err, &failed)
					require.Equal(t, "dial", failed.Op)
				}
				require.Equal(t, test.wins, wins)
				require.Equal(t, test.tried, r.os.tried)
				require.Equal(t, test.took, took)
			})
		})
	}
}

// Two connect in one turn of the loop, whichever is looked at first: one is
// returned, the other closed.
func TestDialRaceHasOneWinnerInATie(t *testing.T) {
	for seed := range uint64(20) {
		sim.Config{Seed: seed}.Test(t, func(t *testing.T, w *sim.World) {
			r := newRaceWorld(w)
			r.resolves(slow6, serves4)
			r.slow.Set(sim.Conditions{Latency: 60 * ms})
			// The turns take a microsecond: the two connect within a few of one moment.
			wins, took, err := r.dials(t, Dialer{AttemptDelay: 100*ms - time.Duration(seed)*time.Microsecond}, "tcp", unbounded)
			require.NoError(t, err)
			require.Contains(t, []string{slow6, serves4}, wins)
			require.Equal(t, []string{slow6, serves4}, r.os.tried)
			require.InDelta(t, 120*ms, took, float64(ms))
		})
	}
}

func TestDialRaceIsCancelledAtEveryMoment(t *testing.T) {
	for moment := time.Duration(0); moment < 340*ms; moment += 7 * ms {
		sim.Test(t, func(t *testing.T, w *sim.World) {
			r := newRaceWorld(w)
			r.resolves(silent6, refuse4, serves4)
			r.name.A.Delay, r.name.AAAA.Delay = 10*ms, 20*ms
			wins, took, err := r.dials(t, Dialer{}, "tcp", func(ctx context.Context, fn func(context.Context) error) error {
				return WithScope(ctx, func(s *Scope) error {
					if err := s.Daemon(func(ctx context.Context) error {
						if err := Sleep(ctx, moment); err != nil {
							return err
						}
						return s.Cancel(errTest)
					}); err != nil {
						return err
					}
					return fn(ctx)
				})
			})
			// 20 for the answers, 250 alone, 20 to be refused, 20 to connect.
			if moment > 310*ms {
				require.NoError(t, err)
				require.Equal(t, serves4, wins)
				return
			}
			require.ErrorIs(t, err, errTest)
			require.Equal(t, moment, took)
		})
	}
}

// Whatever the system is free to do: one connection, or none and an error.
func TestDialRaceUnderFreedoms(t *testing.T) {
	for seed := range uint64(100) {
		dials := sim.Freedoms()
		dials.SlowDisk, dials.Refuse, dials.TimeOut, dials.TooManyFiles = 100*ms, 0.2, 0.2, 0.1
		sim.Config{Seed: seed}.Test(t, func(t *testing.T, w *sim.World) {
			r := newRaceWorld(w)
			r.client.SetDials(dials)
			all := []string{serves4, serves6, refuse4, refuse6, silent4, silent6, slow6}
			for range 1 + w.Rand().IntN(6) {
				r.resolves(all[w.Rand().IntN(len(all))])
			}
			delay := time.Duration(w.Rand().IntN(300)-50) * ms
			_, _, err := r.dials(t, Dialer{Timeout: 10 * time.Second, AttemptDelay: delay}, "tcp", unbounded)
			if err != nil {
				require.ErrorAs(t, err, new(*net.OpError))
			}
		})
	}
}
