package main

import (
	"errors"
	"flag"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// limits are what one client may ask of the server.
type limits struct {
	conns                       int
	headerBytes                 int
	bodyBytes                   int
	header, body, answer, pause time.Duration
	idle                        time.Duration
}

func (l *limits) define(set *flag.FlagSet) {
	set.IntVar(&l.conns, "max-conns", 50_000, "connections at a time; further ones wait to be accepted; 0 is no limit")
	set.IntVar(&l.headerBytes, "max-header", 8<<10, "bytes of a request's header; more is answered with 431")
	set.IntVar(&l.bodyBytes, "max-body", 1<<30, "bytes of a request's body; more is answered with 413")
	set.DurationVar(&l.header, "header-timeout", 10*time.Second, "how long a header may take, and a TLS handshake; then 408; 0 is for ever, as for the other timeouts")
	set.DurationVar(&l.body, "body-timeout", 20*time.Second, "how long a body may take, besides a second for each 64 KiB that are announced")
	set.DurationVar(&l.answer, "answer-timeout", 20*time.Second, "how long an answer may take to be read, besides the same")
	set.DurationVar(&l.pause, "max-slow", time.Minute, "the longest /slow")
	set.DurationVar(&l.idle, "idle-timeout", 5*time.Minute, "how long a connection may go without a request")
}

func (l *limits) check() error {
	if l.conns < 0 || l.headerBytes < 1 || l.bodyBytes < 0 {
		return errors.New("-max-conns and -max-body are 0 or more, -max-header is 1 or more")
	}
	if min(l.header, l.body, l.answer, l.pause, l.idle) < 0 {
		return errors.New("-header-timeout, -body-timeout, -answer-timeout, -idle-timeout and -max-slow are 0 or more")
	}
	return nil
}

// slowest is the rate at which long bodies have to come and go, in bytes per
// second: their time grows with their length.
//
// Bound: a bad mobile line. Who is slower on purpose holds a task and two
// buffers, some 40 KB.
const slowest = 64 << 10

// writeBuffer is how much of an answer is sent at once, in bytes.
const writeBuffer = 16 << 10

// apply sets what fasthttp has to know.
func (l *limits) apply(s *fasthttp.Server) {
	s.ReadBufferSize = l.headerBytes // it is there that a header has to fit in
	s.WriteBufferSize = writeBuffer
	s.ReadTimeout, s.WriteTimeout = l.header, l.answer
	s.HeaderReceived = l.times
	s.ExpectHandler = l.expect
	s.ErrorHandler = refuse

	// Bodies are not read before the handler is called, but by it.
	s.StreamRequestBody = true
	s.DisablePreParseMultipartForm = true
}

// longest is the most time that a length can ask for.
//
// Bound: for 2 TB, and a time.Duration has room for it: the largest Content-Length
// has not, in seconds.
const longest = 365 * 24 * time.Hour

// forLength is the time for n bytes; 0 is for ever.
func forLength(least time.Duration, n int) time.Duration {
	if least == 0 {
		return 0
	}
	return least + min(time.Duration(max(n, 0)/slowest), longest/time.Second)*time.Second
}

// times gives a request with a body the time for it. What one of unknown length,
// in chunks, may take is the least.
func (l *limits) times(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	n := h.ContentLength()
	if n == 0 || n == noBody {
		return fasthttp.RequestConfig{}
	}
	return fasthttp.RequestConfig{ReadTimeout: forLength(l.body, n), WriteTimeout: forLength(l.answer, n)}
}

// What fasthttp has for lengths that are no numbers.
const (
	chunked = -1
	noBody  = -2
)

// expect answers Expect: 100-continue, so that a body which is too large is never
// sent.
func (l *limits) expect(rc *fasthttp.RequestCtx) int {
	if rc.Request.Header.ContentLength() > l.bodyBytes {
		return fasthttp.StatusRequestEntityTooLarge
	}
	return fasthttp.StatusContinue
}

// refuse answers a request that could not be read; the connection ends with it.
func refuse(rc *fasthttp.RequestCtx, err error) {
	status := fasthttp.StatusBadRequest
	var tooLong *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &tooLong):
		status = fasthttp.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		status = fasthttp.StatusRequestEntityTooLarge
	case errors.As(err, &network) && network.Timeout():
		status = fasthttp.StatusRequestTimeout
	}
	rc.Error(fasthttp.StatusMessage(status)+"\n", status)
}
