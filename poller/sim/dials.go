package sim

import (
	"time"

	"github.com/weft-go/weft/poller"
)

// Dials are the faults of a host. The numbers without a unit are probabilities,
// from 0, never, to 1, always. Those of the first group are freedoms that the
// contract of package poller gives to every system: a correct program is not
// hurt by any of them.
type Dials struct {
	// ShortRead: a Read returns less than is there, a Receive fewer datagrams.
	// The rest is news of its own, as if it had come later.
	ShortRead float64
	// ShortWrite: a Write takes less than there is room for, a Send fewer
	// datagrams.
	ShortWrite float64
	// Interrupt: a Wait returns early, with nothing, as for a signal (EINTR).
	Interrupt float64
	// Spurious: a Wait brings an event that nothing has caused.
	Spurious float64
	// LateEvent: an event comes up to MostLate after its cause; a millisecond
	// by default.
	LateEvent float64
	MostLate  time.Duration
	// Coalesce: no event comes for a direction in which no call would have
	// blocked since the last one.
	Coalesce float64
	// NoHint: an event does not say HangUp.
	NoHint float64

	// TooManyFiles: a Listen, Accept or Connect gets EMFILE or ENFILE.
	TooManyFiles float64
	// AbortAccept: a connection dies in the listener's queue.
	AbortAccept float64
	// Refuse, Unreachable, TimeOut: how a Connect ends.
	Refuse, Unreachable, TimeOut float64
	// HalfOpen: a Connect succeeds, and the server never hears of it.
	HalfOpen float64
	// Reset: a Write meets a connection that was reset in this moment.
	Reset float64
	// DatagramLoss, DatagramDuplicates, DatagramReorder: what becomes of a UDP
	// datagram that the host sends. One that is out of order arrives up to
	// MostReorder later, and others overtake it; ten milliseconds by default.
	// [Conditions] has them for a link.
	DatagramLoss, DatagramDuplicates, DatagramReorder float64
	MostReorder                                       time.Duration
	// SlowDisk is how long a function that blocks, and so runs beside the loop,
	// takes at most: a file, a name.
	SlowDisk time.Duration
}

// Freedoms are the freedoms of the contract, all of them often: dials for a
// program that must not be hurt by them.
func Freedoms() Dials {
	return Dials{ShortRead: 0.2, ShortWrite: 0.2, Interrupt: 0.02, Spurious: 0.2, LateEvent: 0.2, Coalesce: 0.5, NoHint: 0.5}
}

// defaultMostLate: longer than a turn, shorter than a time-out.
const defaultMostLate = time.Millisecond

func (d *Dials) mostLate() time.Duration {
	if d.MostLate > 0 {
		return d.MostLate
	}
	return defaultMostLate
}

// defaultMostReorder: long enough that some others overtake, shorter than a
// time-out.
const defaultMostReorder = 10 * time.Millisecond

func (d *Dials) mostReorder() time.Duration {
	if d.MostReorder > 0 {
		return d.MostReorder
	}
	return defaultMostReorder
}

// fate is what is to become of a connect.
type fate uint8

const (
	fateConnect fate = iota
	fateRefused
	fateUnreachable
	fateTimeout
	fateHalfOpen
)

func (f fate) String() string {
	return [...]string{"connect", "refused", "unreachable", "timeout", "half-open"}[f]
}

func (d *Dials) fate(w *World) fate {
	switch {
	case w.chance(d.Refuse):
		return fateRefused
	case w.chance(d.Unreachable):
		return fateUnreachable
	case w.chance(d.TimeOut):
		return fateTimeout
	case w.chance(d.HalfOpen):
		return fateHalfOpen
	}
	return fateConnect
}

// disturb turns the dials that concern a Wait as a whole.
func (o *system) disturb(timeout time.Duration) {
	w, d := o.world, o.process.host.knobs()
	if timeout != 0 && w.chance(d.Interrupt) {
		o.interrupted = true
	}
	if len(o.registered) > 0 && w.chance(d.Spurious) {
		f := o.registered[w.rng.IntN(len(o.registered))]
		f.raise(1 + poller.Readiness(w.rng.IntN(3)))
	}
}
