package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed" // for the page
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"github.com/weft-go/weft/coro"
)

// maxRequest is how long the request may be, in bytes, its headers included.
const maxRequest = 8 << 10

// noLimit is the limit of a desk's reader after the handshake.
const noLimit = math.MaxInt64

//go:embed page.html
var page []byte

// handshake reads the HTTP request. It answers it and returns no peer, or makes
// the connection a WebSocket. There is one request on a connection, which is
// closed after an answer.
func (s *server) handshake(ctx context.Context, conn *coro.Conn, d *desk) (*peer, error) {
	var request *http.Request
	d.limit.N = maxRequest
	err := coro.Timeout(ctx, handshakeWithin, func(context.Context) (err error) {
		request, err = http.ReadRequest(d.in)
		return err
	})
	tooLong := d.limit.N <= 0
	d.limit.N = noLimit
	var late *coro.TimeoutError
	switch {
	case err == nil:
		return s.route(ctx, conn, request)
	case tooLong:
		return nil, answer(ctx, conn, http.StatusRequestHeaderFieldsTooLarge, nil)
	case errors.As(err, &late):
		return nil, answer(ctx, conn, http.StatusRequestTimeout, nil)
	case errors.Is(err, io.EOF), isNetwork(err):
		return nil, err
	}
	return nil, answer(ctx, conn, http.StatusBadRequest, nil)
}

func isNetwork(err error) bool {
	var network *net.OpError
	return errors.As(err, &network)
}

// route decides what a request is for.
func (s *server) route(ctx context.Context, conn *coro.Conn, r *http.Request) (*peer, error) {
	if s.closing {
		return nil, answer(ctx, conn, http.StatusServiceUnavailable, nil)
	}
	var a app
	switch r.URL.Path {
	case "/":
		if r.Method != http.MethodGet {
			return nil, answer(ctx, conn, http.StatusMethodNotAllowed, nil)
		}
		return nil, answer(ctx, conn, http.StatusOK, page)
	case "/echo":
		a = echo{}
	case "/room":
		if !sameOrigin(r) {
			return nil, answer(ctx, conn, http.StatusForbidden, nil)
		}
		a = &member{room: s.room, name: r.URL.Query().Get("name")}
	default:
		return nil, answer(ctx, conn, http.StatusNotFound, nil)
	}
	if err := upgrade(ctx, conn, r); err != nil {
		return nil, err
	}
	p := &peer{server: s, conn: conn, app: a}
	s.open.expect(p)
	return p, nil
}

// upgrade lets the library check the request and answer it. Without a Negotiate
// function it agrees to no extension, so to no compression either.
func upgrade(ctx context.Context, conn *coro.Conn, r *http.Request) error {
	var whole bytes.Buffer
	_, _, _, refused := ws.UpgradeHTTP(r, &hijacked{conn: conn, answer: &whole})
	if err := writeAnswer(ctx, conn, whole.Bytes()); err != nil {
		return err
	}
	if refused != nil {
		return errors.Join(finish(conn), errLeft)
	}
	return nil
}

// hijacked is what the library needs of net/http's server: the connection. What
// it writes is kept, and sent with a time limit.
type hijacked struct {
	http.ResponseWriter // nil: Hijack is all that it calls
	conn                net.Conn
	answer              io.Writer
}

func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(nil, bufio.NewWriterSize(h.answer, 512)), nil
}

// answer is an HTTP answer, and the end of the connection.
func answer(ctx context.Context, conn *coro.Conn, status int, html []byte) error {
	header := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	if html == nil {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		html = []byte(strings.ToLower(http.StatusText(status)) + "\n")
	}
	var whole bytes.Buffer
	response := http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Close: true,
		Header: header, ContentLength: int64(len(html)), Body: io.NopCloser(bytes.NewReader(html)),
	}
	if err := response.Write(&whole); err != nil {
		return err
	}
	if err := writeAnswer(ctx, conn, whole.Bytes()); err != nil {
		return err
	}
	return finish(conn)
}

func writeAnswer(ctx context.Context, conn *coro.Conn, answer []byte) error {
	return coro.Timeout(ctx, writeWithin, func(context.Context) error {
		_, err := conn.Write(answer)
		return err
	})
}

// finish ends our stream and waits for the end of the client's, so that it gets
// the answer also if it was still sending.
func finish(conn *coro.Conn) error {
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	return discard(conn)
}
