package sim

// silence is the state of a flow whose bytes arrive while no acknowledgement
// can come back: a partition in one direction. The sender, who cannot know,
// keeps the bytes, asks again, and gives up in the end, although everything was
// received.
type silence struct {
	appointment // the next try
	unacked     int
	asked       int
}

// mute reports whether nothing comes through.
func (p *path) mute() bool { return p != nil && (p.cut || p.to.down) }

func (f *flow) unanswered(n int) {
	f.unacked += n
	if f.silence.place == 0 {
		f.asked = 0
		f.retry(&f.silence.appointment, &f.asked)
	}
}

// askAgain is a retransmission of what was received already.
func (f *flow) askAgain() {
	switch {
	case f.broken:
	case f.path.back.mute() || f.path.mute():
		f.retry(&f.silence.appointment, &f.asked)
	default:
		f.unacked = 0
		f.from.hasRoom()
	}
}
