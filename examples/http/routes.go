package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/weft-go/weft/coro"
)

const welcome = `hello from one event loop

  /echo       the body back, however long
  /bytes?n=   as many bytes
  /slow?ms=   an answer after that time
  /stats      what the server has done
`

// answer is fasthttp's handler: it runs in the task of its connection, so it may
// wait, by package coro, and needs no lock for what it shares with others.
func (s *server) answer(rc *fasthttp.RequestCtx) {
	defer s.recovered(rc)
	s.counts.Requests++
	if n := rc.Request.Header.ContentLength(); n > s.limits.bodyBytes {
		s.refuse(rc, fasthttp.StatusRequestEntityTooLarge)
		rc.SetConnectionClose() // its body will not be read
	} else {
		s.route(rc)
	}
	if s.stopping.Err() != nil {
		rc.SetConnectionClose() // the client should ask somebody else next
	}
}

func (s *server) route(rc *fasthttp.RequestCtx) {
	switch string(rc.Path()) {
	case "/":
		rc.SetBodyString(welcome)
	case "/echo":
		s.echo(rc)
	case "/bytes":
		s.bytes(rc)
	case "/slow":
		s.slow(rc)
	case "/stats":
		s.stats(rc)
	default:
		s.refuse(rc, fasthttp.StatusNotFound)
	}
}

func (s *server) refuse(rc *fasthttp.RequestCtx, status int) {
	s.counts.Refused++
	rc.Error(fasthttp.StatusMessage(status)+"\n", status)
}

// recovered answers for a handler that has panicked. fasthttp does not, and keeps
// a little of each request that ends so.
func (s *server) recovered(rc *fasthttp.RequestCtx) {
	if r := recover(); r != nil {
		slog.Error("http: panic in a handler", "path", string(rc.Path()), "panic", r, "stack", string(debug.Stack()))
		rc.ResetBody()
		s.refuse(rc, fasthttp.StatusInternalServerError)
		rc.SetConnectionClose()
	}
}

// echo sends the body as it comes. It holds one buffer of it, so a client that
// sends and does not read is soon made to wait.
func (s *server) echo(rc *fasthttp.RequestCtx) {
	body := rc.RequestBodyStream()
	if body == nil {
		return // there was none
	}
	n := rc.Request.Header.ContentLength()
	if n == chunked {
		body = &atMost{body, s.limits.bodyBytes}
	}
	rc.SetContentTypeBytes(rc.Request.Header.ContentType())
	rc.SetBodyStream(body, n)
}

// atMost is a body whose length nobody has announced. Its answer has begun when
// it turns out to be too long, so the connection breaks off.
type atMost struct {
	io.Reader
	left int
}

func (a *atMost) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if a.left -= n; a.left < 0 {
		return 0, fasthttp.ErrBodyTooLarge
	}
	return n, err
}

// bytes sends n bytes, without ever having them.
func (s *server) bytes(rc *fasthttp.RequestCtx) {
	n, err := rc.QueryArgs().GetUint("n")
	if err != nil {
		s.refuse(rc, fasthttp.StatusBadRequest)
		return
	}
	rc.SetContentType("application/octet-stream")
	if n > writeBuffer && s.limits.answer > 0 {
		_ = rc.SetWriteDeadline(time.Now().Add(forLength(s.limits.answer, n))) // of an open connection
	}
	rc.SetBodyStream(io.LimitReader(zeros{}, int64(n)), n)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// slow waits, and the loop goes on meanwhile.
func (s *server) slow(rc *fasthttp.RequestCtx) {
	ms, err := rc.QueryArgs().GetUint("ms")
	if err != nil || int64(ms) > s.limits.pause.Milliseconds() { // not as a Duration, where it may not fit in
		s.refuse(rc, fasthttp.StatusBadRequest)
		return
	}
	if err := coro.Sleep(taskContext(rc), time.Duration(ms)*time.Millisecond); err != nil {
		// The server's end, and the time for the drain is over.
		s.refuse(rc, fasthttp.StatusServiceUnavailable)
		return
	}
	rc.SetBodyString("waited " + strconv.Itoa(ms) + " ms\n")
}

// counts is what the server has done. Only tasks of its loop touch it.
type counts struct {
	Requests uint64 `json:"requests"`
	Refused  uint64 `json:"refused"`
}

// stats tells it, and how many tasks and idle connections there are: the task
// that answers is one of them.
func (s *server) stats(rc *fasthttp.RequestCtx) {
	loop, err := coro.Stats(taskContext(rc))
	if err != nil {
		panic(errors.Join(errors.New("a handler outside of its task"), err))
	}
	text, err := json.Marshal(struct {
		counts
		Tasks int `json:"tasks"`
		Idle  int `json:"idle_connections"`
	}{s.counts, loop.Tasks, loop.Resting})
	if err != nil {
		panic(err)
	}
	rc.SetContentType("application/json")
	rc.SetBody(append(text, '\n'))
}
