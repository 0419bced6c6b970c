package main

import (
	"strconv"
	"strings"
)

// reply is answers in RESP, version 2, one after the other.
//
//	+OK\r\n                  a status
//	-ERR no such thing\r\n   an error
//	:42\r\n                  an integer
//	$5\r\nhello\r\n          a bulk string; $-1\r\n is none, null
//	*2\r\n:1\r\n:2\r\n       an array
type reply []byte

func (r *reply) status(s string) { *r = append(append(append(*r, '+'), s...), '\r', '\n') }

// fail is an error; what may have come from a client must not break the line.
func (r *reply) fail(s string) {
	*r = append(append(append(*r, '-'), oneLine.Replace(s)...), '\r', '\n')
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

func (r *reply) integer(n int64) { r.line(':', n) }
func (r *reply) array(n int)     { r.line('*', int64(n)) }
func (r *reply) null()           { *r = append(*r, "$-1\r\n"...) }

func (r *reply) bulk(b []byte) {
	r.line('$', int64(len(b)))
	*r = append(append(*r, b...), '\r', '\n')
}

func (r *reply) bulkString(s string) {
	r.line('$', int64(len(s)))
	*r = append(append(*r, s...), '\r', '\n')
}

func (r *reply) line(kind byte, n int64) {
	*r = append(strconv.AppendInt(append(*r, kind), n, 10), '\r', '\n')
}

// withoutExcess is the same answers, without the memory of a large buffer that is
// empty.
func (r reply) withoutExcess() reply {
	if len(r) == 0 && cap(r) > keptBytes {
		return nil
	}
	return r
}
