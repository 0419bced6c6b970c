package sim

import (
	"fmt"
	"io"
	"time"

	"github.com/weft-go/weft/poller"
)

// trace is what happened, in order: its end as lines, for reports, and all of it
// as a number, so that two runs can be compared.
type trace struct {
	lines []entry // a ring, once it is full
	next  int
	keep  int // how many; negative: all
	count uint64
	hash  uint64
}

// entry is one line: what happened, to whom.
type entry struct {
	at   time.Duration
	host *Host // nil: the world
	act  act
	fd   poller.FD
	n    int
	err  error
}

// act is what can happen.
type act uint8

const (
	actStart act = iota
	actEnd
	actScript
	actPause
	actResume
	actJump
	actCrash
	actRestart
	actPartition
	actHeal
	actAdd
	actEvent
	actListen
	actDial
	actConnect
	actAccept
	actRead
	actPeek
	actWrite
	actFinish
	actClose
	actArrive
	actFail
	actBlocking
	actSend
	actReceive
	actPacket
	actLose
	actDuplicate
	actReorder
	actJoin
	actLeave
)

func (a act) String() string {
	return [...]string{"start", "end", "script", "pause", "resume", "clock jump", "crash", "restart", "partition", "heal",
		"add", "event", "listen", "dial", "connect", "accept", "read", "peek", "write", "finish", "close", "arrive", "fail", "blocking",
		"send", "receive", "datagram", "lose", "duplicate", "reorder", "join", "leave"}[a]
}

// noFD stands for no descriptor.
const noFD = poller.NoFD

func (w *World) note(h *Host, a act, fd poller.FD, n int, err error) {
	t := &w.trace
	host := 0
	if h != nil {
		host = h.index
	}
	failed := uint64(0)
	if err != nil {
		failed = 1
	}
	t.count++
	t.mix(uint64(w.now))
	t.mix(uint64(host)<<32 | uint64(a)<<16 | uint64(fd)&0xFFFF | failed<<63)
	t.mix(uint64(n))
	e := entry{w.now, h, a, fd, n, err}
	switch {
	case t.keep < 0 || len(t.lines) < t.keep:
		t.lines = append(t.lines, e)
	default:
		t.lines[t.next] = e
		if t.next++; t.next == t.keep {
			t.next = 0
		}
	}
}

// mix is one step of FNV-1a, with words for bytes.
func (t *trace) mix(word uint64) { t.hash = (t.hash ^ word) * 0x100000001B3 }

// TraceHash is a number that two runs share only if they were the same.
func (w *World) TraceHash() uint64 { return w.trace.hash }

// WriteTrace writes the last lines of the trace, at most n of those that
// are kept; a negative n is all of them.
func (w *World) WriteTrace(out io.Writer, n int) {
	lines := append(append([]entry(nil), w.trace.lines[w.trace.next:]...), w.trace.lines[:w.trace.next]...)
	if n >= 0 && len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	for _, e := range lines {
		fmt.Fprintln(out, e)
	}
}

func (e entry) String() string {
	s := fmt.Sprintf("%14v ", e.at)
	if e.host != nil {
		s += e.host.name + " "
	}
	s += e.act.String()
	if e.fd != poller.NoFD {
		s += fmt.Sprintf(" %d", e.fd)
	}
	switch e.act {
	case actEvent:
		s += " " + poller.Readiness(e.n).String()
	case actArrive:
		s += fmt.Sprintf(" %v %d", segmentKind(e.n&3), e.n>>2)
	case actRead, actPeek, actWrite, actPacket, actDuplicate, actReorder:
		s += fmt.Sprintf(" %d bytes", e.n)
	case actSend, actReceive:
		s += fmt.Sprintf(" %d datagrams", e.n)
	case actLose:
		s += fmt.Sprintf(" a datagram of %d bytes: %v", e.n>>3, loss(e.n&7))
	case actListen, actDial, actAccept:
		s += fmt.Sprintf(" port %d", e.n)
	case actJump:
		s += " " + (time.Duration(e.n) * time.Millisecond).String()
	}
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	return s
}
