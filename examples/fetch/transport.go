package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"

	"github.com/weft-go/weft/coro"
)

// transport is an http.RoundTripper for tasks: the task itself connects, writes the
// request, and reads the response. It speaks HTTP/1.1, and keeps connections for the
// next request to the same server. It belongs to one loop.
type transport struct {
	dialer coro.Dialer
	tls    *tls.Config
	idle   map[string][]*conn // by scheme and host
}

// maxIdle is how many connections to one server are kept.
//
// Bound: more than that are in use only if -limit says so, and then they are made again.
const maxIdle = 8

// maxHeader is how large the head of a response may be.
//
// Bound: what net/http's own transport accepts is 10 MiB; real ones have some KiB.
const maxHeader = 1 << 20

func newTransport() *transport {
	return &transport{idle: make(map[string][]*conn), tls: &tls.Config{MinVersion: tls.VersionTLS12}}
}

// conn is a connection with what was read ahead.
type conn struct {
	net.Conn
	limited io.LimitedReader // what the response may still have
	in      *bufio.Reader
	used    bool // for a request before
}

// RoundTrip sends one request. A connection that was kept, and that the server has
// closed meanwhile, costs another one.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		c, err := t.connect(r)
		if err != nil {
			return nil, err
		}
		response, err := t.exchange(c, r)
		if err == nil {
			return response, nil
		}
		_ = c.Close()
		if !c.used || r.Context().Err() != nil {
			return nil, err
		}
	}
}

// connect gives a connection that is idle, or makes one.
func (t *transport) connect(r *http.Request) (*conn, error) {
	key := server(r.URL)
	if kept := t.idle[key]; len(kept) > 0 {
		c := kept[len(kept)-1]
		t.idle[key] = kept[:len(kept)-1]
		c.used = true
		return c, nil
	}
	port := r.URL.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[r.URL.Scheme]
	}
	plain, err := t.dialer.Dial(r.Context(), "tcp", net.JoinHostPort(r.URL.Hostname(), port))
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: plain}
	if r.URL.Scheme == "https" {
		config := t.tls.Clone()
		config.ServerName = r.URL.Hostname()
		secure := tls.Client(plain, config)
		// Not HandshakeContext, which has a goroutine to watch the context: the scope
		// that the task is in ends a handshake that takes too long.
		if err := secure.Handshake(); err != nil {
			_ = plain.Close()
			return nil, err
		}
		c.Conn = secure
	}
	c.limited.R = c.Conn
	c.in = bufio.NewReader(&c.limited)
	return c, nil
}

func server(u *url.URL) string { return u.Scheme + "://" + u.Host }

// exchange writes the request and reads the head of the response. The body is the
// caller's to read.
func (t *transport) exchange(c *conn, r *http.Request) (*http.Response, error) {
	if err := r.Write(c); err != nil {
		return nil, err
	}
	c.limited.N = maxHeader
	response, err := http.ReadResponse(c.in, r)
	for err == nil && response.StatusCode < http.StatusOK { // "early hints" and the like come before it
		response, err = http.ReadResponse(c.in, r)
	}
	if err != nil {
		if c.limited.N <= 0 {
			err = fmt.Errorf("the head of the response is larger than %d bytes", maxHeader)
		}
		return nil, err
	}
	c.limited.N = math.MaxInt64 // bounded by who reads it
	response.Body = &body{ReadCloser: response.Body, conn: c, transport: t, key: server(r.URL), keep: !response.Close && !r.Close}
	return response, nil
}

// body is a response's. At its end the connection is free for another request.
type body struct {
	io.ReadCloser
	conn      *conn // nil once it was given away
	transport *transport
	key       string
	keep      bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.release(b.keep)
	}
	return n, err
}

// Close before the end closes the connection: what is left in it would have to be read
// first.
func (b *body) Close() error {
	b.release(b.keep && b.ReadCloser == http.NoBody)
	return nil
}

func (b *body) release(keep bool) {
	c := b.conn
	if b.conn = nil; c == nil {
		return
	}
	kept := b.transport.idle[b.key]
	if !keep || len(kept) == maxIdle || c.in.Buffered() > 0 {
		_ = c.Close()
		return
	}
	b.transport.idle[b.key] = append(kept, c)
}

// CloseIdleConnections is called by the client's method of that name.
func (t *transport) CloseIdleConnections() {
	for key, kept := range t.idle {
		for _, c := range kept {
			_ = c.Close()
		}
		delete(t.idle, key)
	}
}
