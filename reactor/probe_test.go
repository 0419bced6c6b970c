package reactor

import (
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/poller"
)

// probe stands between a loop and its operating system. It counts the calls,
// and makes those fail that a real kernel cannot be made to fail on demand.
type probe struct {
	poller.OS
	reads, writes, writevs, waits, wakes    atomic.Int64
	adds, removes, accepts, closes, aborts  atomic.Int64
	connectResults, shutdowns, optionsAddrs atomic.Int64

	// The dials, nil or zero when they are off. They belong to the loop.
	failAccept  func() error // nil: accept
	failAdd     func() error
	failConnect func() error // for ConnectResult
	failWait    func() error
	writeMost   int // bytes per Write and Writev

	tokens map[poller.FD]poller.Token
	extra  []poller.Event // for the next Wait, besides the real ones
}

func newProbe(os poller.OS) *probe {
	return &probe{OS: os, tokens: make(map[poller.FD]poller.Token)}
}

// total counts every call that reaches the kernel but for waits.
func (p *probe) total() int64 {
	return p.reads.Load() + p.writes.Load() + p.writevs.Load() + p.wakes.Load() + p.adds.Load() + p.removes.Load() +
		p.accepts.Load() + p.closes.Load() + p.aborts.Load() + p.connectResults.Load() + p.shutdowns.Load() + p.optionsAddrs.Load()
}

// event makes the next Wait report an event the kernel knows nothing of.
func (p *probe) event(fd poller.FD, r poller.Readiness) {
	p.extra = append(p.extra, poller.Event{Token: p.tokens[fd], Ready: r})
}

func (p *probe) Add(fd poller.FD, t poller.Token) error {
	p.adds.Add(1)
	if p.failAdd != nil {
		if err := p.failAdd(); err != nil {
			return err
		}
	}
	p.tokens[fd] = t
	return p.OS.Add(fd, t)
}

func (p *probe) Remove(fd poller.FD) error {
	p.removes.Add(1)
	return p.OS.Remove(fd)
}

func (p *probe) Wait(events []poller.Event, timeout time.Duration) (int, error) {
	p.waits.Add(1)
	if p.failWait != nil {
		if err := p.failWait(); err != nil {
			return 0, err
		}
	}
	if len(p.extra) == 0 {
		return p.OS.Wait(events, timeout)
	}
	forged := copy(events, p.extra)
	p.extra = p.extra[forged:]
	if forged == len(events) {
		return forged, nil
	}
	n, err := p.OS.Wait(events[forged:], 0)
	return forged + n, err
}

func (p *probe) Wake() error {
	p.wakes.Add(1)
	return p.OS.Wake()
}

func (p *probe) Accept(fd poller.FD) (poller.FD, poller.Addr, error) {
	p.accepts.Add(1)
	if p.failAccept != nil {
		if err := p.failAccept(); err != nil {
			return poller.NoFD, poller.Addr{}, err
		}
	}
	return p.OS.Accept(fd)
}

func (p *probe) ConnectResult(fd poller.FD) error {
	p.connectResults.Add(1)
	if p.failConnect != nil {
		if err := p.failConnect(); err != nil {
			return err
		}
	}
	return p.OS.ConnectResult(fd)
}

func (p *probe) Read(fd poller.FD, b []byte) (int, error) {
	p.reads.Add(1)
	return p.OS.Read(fd, b)
}

func (p *probe) Write(fd poller.FD, b []byte) (int, error) {
	p.writes.Add(1)
	if p.writeMost > 0 {
		b = b[:min(len(b), p.writeMost)]
	}
	return p.OS.Write(fd, b)
}

func (p *probe) Writev(fd poller.FD, bufs [][]byte) (int, error) {
	p.writevs.Add(1)
	if p.writeMost > 0 {
		var first [][]byte
		for left := p.writeMost; left > 0 && len(bufs) > 0; bufs = bufs[1:] {
			b := bufs[0][:min(len(bufs[0]), left)]
			first, left = append(first, b), left-len(b)
		}
		bufs = first
	}
	return p.OS.Writev(fd, bufs)
}

func (p *probe) CloseWrite(fd poller.FD) error {
	p.shutdowns.Add(1)
	return p.OS.CloseWrite(fd)
}

func (p *probe) CloseFD(fd poller.FD) error {
	p.closes.Add(1)
	return p.OS.CloseFD(fd)
}

func (p *probe) Abort(fd poller.FD) error {
	p.aborts.Add(1)
	return p.OS.Abort(fd)
}

func (p *probe) SetOption(fd poller.FD, o poller.Option, value int) error {
	p.optionsAddrs.Add(1)
	return p.OS.SetOption(fd, o, value)
}

func (p *probe) LocalAddr(fd poller.FD) (poller.Addr, error) {
	p.optionsAddrs.Add(1)
	return p.OS.LocalAddr(fd)
}

func (p *probe) PeerAddr(fd poller.FD) (poller.Addr, error) {
	p.optionsAddrs.Add(1)
	return p.OS.PeerAddr(fd)
}
