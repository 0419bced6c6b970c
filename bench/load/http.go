package load

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

const (
	// httpHeadMost is the most bytes of an answer's head.
	//
	// Bound: what servers themselves allow for a request's.
	httpHeadMost = 8 << 10
	// httpBodyMost is the most bytes of an answer's body.
	//
	// Bound: as for a batch: beyond it, memory bandwidth is measured.
	httpBodyMost = MaxBatch
)

// httpAnswer is how far a connection has read its next answer.
type httpAnswer struct {
	head  []byte // what has come of a head that is not complete
	left  int    // bytes of the body still to come
	state httpState
	count int // answers to the batch that are complete
}

// httpState is what comes next on the connection.
//
//	inHead ---> inBody ---> inHead
type httpState uint8

const (
	inHead httpState = iota
	inBody
)

func (s httpState) String() string { return [...]string{"head", "body"}[s] }

// requests is a batch of GET requests.
func requests(host string, depth int) []byte {
	return []byte(strings.Repeat("GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n", depth))
}

// acceptHTTP checks that answers are 200 and have the body of the group's first
// one.
func acceptHTTP(e *Engine, c *conn, p []byte) error {
	g, a := c.group, &c.http
	for len(p) > 0 {
		if c.head == c.out {
			return fmt.Errorf("%w: %d bytes on %v, which has asked for nothing", ErrSurplus, len(p), c)
		}
		switch a.state {
		case inHead:
			rest, complete, err := a.readHead(g, p)
			if err != nil {
				return fmt.Errorf("%w: %v: %s", ErrHTTP, c, err)
			}
			if p = rest; !complete {
				return nil
			}
		case inBody:
			n := min(len(p), a.left)
			at := len(g.body) - a.left
			if !g.sameBody(p[:n], at) {
				return fmt.Errorf("%w: %v: a body that differs from the first one", ErrHTTP, c)
			}
			a.left -= n
			p = p[n:]
		}
		if a.state == inBody && a.left == 0 {
			a.state = inHead
			if a.count++; a.count == g.Depth {
				a.count = 0
				if err := e.finish(c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// sameBody compares a piece of a body, which begins at a place of it. What no
// answer has had before is taken as right: as all are read from their beginning,
// known is never less than at.
func (g *group) sameBody(piece []byte, at int) bool {
	n := min(len(piece), g.known-at)
	if !bytes.Equal(g.body[at:at+n], piece[:n]) {
		return false
	}
	g.known += copy(g.body[at+n:], piece[n:])
	return true
}

// readHead takes what belongs to the head, and returns the rest. It reports
// whether the head is complete.
func (a *httpAnswer) readHead(g *group, p []byte) (rest []byte, complete bool, err error) {
	head := p
	if len(a.head) > 0 {
		a.head = append(a.head, p...)
		head = a.head
	}
	end := bytes.Index(head, []byte("\r\n\r\n"))
	if end < 0 {
		if len(head) > httpHeadMost {
			return nil, false, fmt.Errorf("no end of the head in %d bytes", len(head))
		}
		if len(a.head) == 0 {
			a.head = append(a.head, p...)
		}
		return nil, false, nil
	}
	rest = p[len(p)-(len(head)-end-4):]
	head = head[:end]
	a.head = a.head[:0]
	a.left, err = bodyLength(head)
	if err != nil {
		return nil, false, err
	}
	if g.body == nil {
		g.body = make([]byte, a.left)
	}
	if a.left != len(g.body) {
		return nil, false, fmt.Errorf("a body of %d bytes, where the first had %d", a.left, len(g.body))
	}
	a.state = inBody
	return rest, true, nil
}

// bodyLength reads a head, which is without the empty line.
func bodyLength(head []byte) (int, error) {
	status, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		return 0, fmt.Errorf("it begins with %.40q", status)
	}
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, []byte("content-length")) {
			continue
		}
		n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
		if err != nil || n < 0 || n > httpBodyMost {
			return 0, fmt.Errorf("its Content-Length is %.40q", value)
		}
		return n, nil
	}
	return 0, fmt.Errorf("it has no Content-Length")
}
