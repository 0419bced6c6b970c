package poller

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A train is datagrams of one size to one peer, sent as one message that the kernel
// cuts up again as late as it can: in the network card, or where it is received. So
// the way through the kernel, which is most of what a datagram costs, is gone once for
// all of them. (UDP_SEGMENT, "generic segmentation offload", Linux 4.18.)
//
//	out        a64 a64 a64 a20  b64  a64 a64
//	messages   [  3 + a short one ]  [ ]  [   ]
//
// Whoever receives them cannot tell.
type trains struct {
	possible bool
	headers  [MaxDatagrams]unix.Mmsghdr
	controls [MaxDatagrams]segmentSize
	lengths  [MaxDatagrams]int // datagrams of each message
}

// segmentSize is the control message that says where to cut.
type segmentSize struct {
	header unix.Cmsghdr
	size   uint16
	_      [6]byte // up to CmsgSpace
}

// What a train may be made of.
//
// Bound: with the headers the largest segment fits every path of IPv6 (1280), so that a
// train never fails where its datagrams would not; the kernel takes 64 segments, and 64
// KiB with headers.
const (
	largestSegment = 1200
	longestTrain   = 64
	heaviestTrain  = 64_000
)

// hasSegmentation asks the kernel. One that does not know would take a train for one
// long datagram.
func hasSegmentation() bool {
	fd, err := newSocket(unix.AF_INET, unix.SOCK_DGRAM)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	_, err = unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
	return err == nil
}

// dispatch sends what was loaded and addressed, in trains where there are any.
func (p *packets) dispatch(fd FD, out []Datagram) (sent int, err error) {
	if messages := p.couple(out); messages < len(out) {
		n, err := call(unix.SYS_SENDMMSG, "sendmmsg", fd, p.trains.headers[:messages], unix.MSG_NOSIGNAL)
		for _, length := range p.trains.lengths[:n] {
			sent += length
		}
		if !refusesTrains(err) {
			return sent, err
		}
	}
	return call(unix.SYS_SENDMMSG, "sendmmsg", fd, p.headers[:len(out)], unix.MSG_NOSIGNAL)
}

// refusesTrains reports whether an error may be about a train alone: its datagrams are
// tried one by one then.
//
// Quirk(linux): EIO is an interface that leaves checksums to us, EINVAL a socket without
// checksums, EMSGSIZE a path narrower than IPv6's.
func refusesTrains(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.EOPNOTSUPP)
}

// couple makes messages of the datagrams, in order, and returns how many.
func (p *packets) couple(out []Datagram) (messages int) {
	if !p.trains.possible {
		return len(out)
	}
	for first := 0; first < len(out); messages++ {
		length := train(out[first:])
		h, from := &p.trains.headers[messages].Hdr, &p.headers[first].Hdr
		*h = *from
		h.SetIovlen(length)
		if length > 1 {
			c := &p.trains.controls[messages]
			c.header.Level, c.header.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
			c.header.SetLen(unix.CmsgLen(2))
			c.size = uint16(len(out[first].Payload))
			h.Control = (*byte)(unsafe.Pointer(c))
			h.SetControllen(unix.CmsgSpace(2))
		}
		p.trains.lengths[messages] = length
		first += length
	}
	return messages
}

// train is how many of the first datagrams make one: those of one size, and a shorter
// one at the end. A connected socket's are none: it may be a Unix socket, which would
// make one datagram of them.
func train(out []Datagram) (length int) {
	size, peer := len(out[0].Payload), out[0].Peer.AddrPort
	if size == 0 || size > largestSegment || !peer.IsValid() {
		return 1
	}
	most := min(len(out), longestTrain, heaviestTrain/size)
	for length = 1; length < most; length++ {
		next := len(out[length].Payload)
		if next == 0 || next > size || out[length].Peer.AddrPort != peer {
			break
		}
		if next < size {
			return length + 1
		}
	}
	return length
}
