package sim

// DatagramCounts are how many datagrams a host has seen, since the world began.
type DatagramCounts struct {
	// Sent were taken by Send. One to a multicast group counts once.
	Sent uint64
	// Duplicated and Reordered are the dials' work on those.
	Duplicated, Reordered uint64
	// Lost were sent by this host and lost by a link or a dial.
	Lost uint64

	// Arrived are in a socket's queue, or were.
	Arrived uint64
	// NoRoom were lost here, because that queue was full.
	NoRoom uint64
	// Nobody were lost because no socket heard them: here, or, for an address that
	// no host has, where they were sent.
	Nobody uint64
}

// Datagrams are the host's counts.
func (h *Host) Datagrams() DatagramCounts { return h.datagrams }

// loss is why a datagram was lost.
type loss uint8

const (
	lostOnLink   loss = iota // a cut, a host that is down, Conditions.Loss
	lostByDial               // DatagramLoss
	lostOnTheWay             // mostOnTheWay
	lostNoRoom               // the receiver's buffer
	lostNobody               // no socket hears it
)

func (l loss) String() string {
	return [...]string{"on the link", "by the dial", "too many on the way", "no room", "nobody listens"}[l]
}

// lose counts a datagram that is lost at this host, or was sent by it.
func (h *Host) lose(bytes int, why loss) {
	switch why {
	case lostNoRoom:
		h.datagrams.NoRoom++
	case lostNobody:
		h.datagrams.Nobody++
	default:
		h.datagrams.Lost++
	}
	h.world.note(h, actLose, noFD, bytes<<3|int(why), nil)
}
