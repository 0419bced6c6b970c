package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
)

// A request is an array of bulk strings:
//
//	*3\r\n $3\r\nSET\r\n $3\r\nkey\r\n $5\r\nvalue\r\n
//
// or a line, which is for people; see inline.go. The texts of the errors are those
// of Redis, which some clients look at.

// maxInline is the longest line, without its end: a request, or a length.
const maxInline = 64 << 10

// maxArguments is how many a request may have.
//
// Bound: they cost 40 bytes each besides their own, while the request is there.
const maxArguments = 1 << 20

// maxRequest is how many bytes the arguments of a request may have, in those of
// the largest one. Redis has a limit of its own for it, of 1 GB.
const maxRequest = 4

// readBytes is the size of a connection's buffer, unless a request is larger.
//
// Bound: every connection has one, idle or not. A larger one makes the turns
// longer in which a pipeline holds up the others: this is 100 commands.
const readBytes = 4 << 10

// readRoom is the smallest room for a read.
const readRoom = 1 << 10

// parser finds the requests in what has arrived. It remembers how far it has come,
// so that a request which arrives a byte at a time is not looked at from its
// beginning each time.
//
//	buf  [ done | *3 $3 SET $3 key $1000 ab | room ]
//	            ^begin                   ^at
type parser struct {
	buf     []byte
	begin   int    // of the request that is being parsed
	at      int    // up to here it has been
	args    []span // found so far
	missing int    // arguments to come, that of bulk included
	bulk    int    // length of the next one
	size    int64  // of all of them, those to come included
	state   parserState
	words   [][]byte // the last result

	maxBulk int
}

// span is an argument, counted from the request's begin: the buffer may move.
type span struct{ from, to int }

// parserState is what comes next.
//
//	atStart --"*2"--> atLength --"$3"--> atBulk --"abc"--.
//	   ^                 ^                               |
//	   |                 '------- more arguments --------|
//	   '-------------------- the last one ---------------'
type parserState uint8

const (
	atStart  parserState = iota // of a request
	atLength                    // of an argument
	atBulk                      // an argument itself
)

func (s parserState) String() string { return [...]string{"start", "length", "bulk"}[s] }

// next gives the next request, or nil if it has not arrived completely. The slices
// are valid until the next call, or until something is read. After an error,
// which is one for the client to see, there is no next one.
func (p *parser) next() ([][]byte, error) {
	for {
		switch p.state {
		case atStart:
			if p.at == len(p.buf) {
				return nil, nil
			}
			p.begin = p.at
			if p.buf[p.at] != '*' {
				words, err := p.inline()
				if len(words) > 0 || err != nil || p.at == p.begin {
					return words, err
				}
				continue // an empty line
			}
			line, err := p.line("too big mbulk count string")
			if line == nil {
				return nil, err
			}
			n, ok := parseInt(line[1:])
			if !ok || n > maxArguments {
				return nil, protocolError("invalid multibulk length")
			}
			if n <= 0 {
				continue // no arguments, no request
			}
			p.missing, p.size, p.state = int(n), 0, atLength
			p.args = p.args[:0]
		case atLength:
			line, err := p.line("too big bulk count string")
			if line == nil {
				return nil, err
			}
			if p.bulk, err = p.length(line); err != nil {
				return nil, err
			}
			p.state = atBulk
		case atBulk:
			if len(p.buf)-p.at < p.bulk+len("\r\n") {
				return nil, nil
			}
			p.args = append(p.args, span{p.at - p.begin, p.at - p.begin + p.bulk})
			p.at += p.bulk + len("\r\n")
			p.state = atLength
			if p.missing--; p.missing == 0 {
				p.state = atStart
				return p.request(), nil
			}
		}
	}
}

// line is the line that has begun, without its end, or nil if it is not there yet.
func (p *parser) line(tooLong protocolError) ([]byte, error) {
	rest := p.buf[p.at:]
	end := bytes.IndexByte(rest[:min(len(rest), maxInline+1)], '\r')
	switch {
	case end < 0 && len(rest) > maxInline:
		return nil, tooLong
	case end < 0 || end+1 == len(rest):
		return nil, nil
	}
	p.at += end + len("\r\n")
	return rest[:end], nil
}

// length parses "$3", which stands in front of an argument.
func (p *parser) length(line []byte) (int, error) {
	if kind := line[:len(line)+1]; kind[0] != '$' { // an empty line has its \r
		return 0, fmt.Errorf("expected '$', got '%s'", kind[:1])
	}
	n, ok := parseInt(line[1:])
	switch {
	case !ok || n < 0 || n > mostMaxBulk:
		return 0, protocolError("invalid bulk length")
	case n > int64(p.maxBulk):
		return 0, fmt.Errorf("bulk length %d is over the limit of %d bytes", n, p.maxBulk)
	}
	if p.size += n; p.size > maxRequest*int64(p.maxBulk) {
		return 0, fmt.Errorf("the request is over the limit of %d bytes", maxRequest*int64(p.maxBulk))
	}
	return int(n), nil
}

// protocolError is what is wrong with a request, in Redis' words.
type protocolError string

func (e protocolError) Error() string { return string(e) }

// request makes slices of the spans.
func (p *parser) request() [][]byte {
	p.words = p.words[:0]
	for _, s := range p.args {
		p.words = append(p.words, p.buf[p.begin+s.from:p.begin+s.to:p.begin+s.to])
	}
	if cap(p.args) > keptArguments {
		words := p.words
		p.args, p.words = nil, nil
		return words
	}
	return p.words
}

// keptArguments is the largest number of arguments that there stays room for.
const keptArguments = 64

// room is where to read to. filled tells how much was read.
func (p *parser) room() []byte {
	if p.state == atStart {
		p.begin = p.at // of a line, it is parsed again
	}
	if p.begin == len(p.buf) {
		p.reset()
	}
	if cap(p.buf)-len(p.buf) < readRoom {
		p.buf = p.buf[:copy(p.buf, p.buf[p.begin:])]
		p.at -= p.begin
		p.begin = 0
	}
	// Growing by what there is, and not to what the client announces: what it
	// costs the server it has cost the client.
	if cap(p.buf)-len(p.buf) < readRoom {
		p.buf = slices.Grow(p.buf, max(readBytes, len(p.buf)))
	}
	return p.buf[len(p.buf):cap(p.buf)]
}

func (p *parser) filled(n int) { p.buf = p.buf[:len(p.buf)+n] }

// reset forgets what is in the buffer, and a large buffer.
func (p *parser) reset() {
	p.buf, p.begin, p.at, p.state = p.buf[:0], 0, 0, atStart
	if cap(p.buf) > keptBytes {
		p.buf, p.words = nil, nil // the last words are parts of it
	}
}

// parseInt reads a decimal number as Redis does: no sign but a minus, no zeros in
// front, no space.
func parseInt(b []byte) (n int64, ok bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > len("9223372036854775808") || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var u uint64
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		u = 10*u + uint64(d-'0')
	}
	if len(digits) < len(b) {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64
}
