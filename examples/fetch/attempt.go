package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/weft-go/weft/coro"
)

// Pauses before a page is tried again.
//
// Bound: a server that is restarted is back within seconds; one that is overloaded is
// not helped by more than two requests in ten.
const (
	firstPause = 200 * time.Millisecond
	mostPause  = 10 * time.Second
)

// fetch gets a page, in as many tries as it may have.
func (c *crawler) fetch(ctx context.Context, u *url.URL, wantLinks bool) *page {
	p := &page{url: u.String()}
	for {
		retryAfter := c.try(ctx, p, wantLinks)
		p.tries++
		if p.tries == c.tries || !mayRetry(p) {
			return p
		}
		if err := coro.Sleep(ctx, c.pause(p.tries, retryAfter)); err != nil {
			p.err = err
			return p
		}
	}
}

// mayRetry reports whether a page might come another time: a GET changes nothing, so
// it is only about whether there is hope.
func mayRetry(p *page) bool {
	switch {
	case errors.Is(p.err, errTooLarge), errors.Is(p.err, errRedirect):
		return false
	case p.err != nil:
		return true
	}
	switch p.status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// pause is the one after so many tries: twice as long each time, of which a random part
// between a half and all is taken, so that those who failed together do not come back
// together. A server that says when it wants to be asked again is asked then.
func (c *crawler) pause(tries int, retryAfter time.Duration) time.Duration {
	most := min(firstPause<<min(tries-1, 10), mostPause)
	part := most/2 + time.Duration(c.random.Int64N(int64(most/2+1)))
	return min(max(part, retryAfter), mostPause)
}

// try is one attempt. It has a place among the -limit ones only while it is under way,
// and not during a pause.
func (c *crawler) try(ctx context.Context, p *page, wantLinks bool) (retryAfter time.Duration) {
	if p.err = c.places.Acquire(ctx, 1); p.err != nil {
		return 0
	}
	defer func() { _ = c.places.Release(1) }() // it was acquired
	p.status, p.bytes, p.links = 0, 0, nil
	began := time.Now()
	p.err = coro.Timeout(ctx, c.timeout, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
		if err != nil {
			return err
		}
		response, err := c.client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		p.status, p.final = response.StatusCode, response.Request.URL
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		retryAfter = time.Duration(min(seconds, int(mostPause/time.Second))) * time.Second
		return c.receive(ctx, p, response, wantLinks)
	})
	p.took = time.Since(began)
	return retryAfter
}

// receive reads the body, and keeps it only where its links are wanted.
func (c *crawler) receive(ctx context.Context, p *page, response *http.Response, wantLinks bool) (err error) {
	var body bytes.Buffer
	var into io.Writer = io.Discard
	if wantLinks && p.status == http.StatusOK && isHTML(response.Header) {
		into = &body
	}
	p.bytes, err = io.Copy(into, io.LimitReader(response.Body, c.maxBody+1))
	switch {
	case err != nil:
		return err
	case p.bytes > c.maxBody:
		p.bytes = c.maxBody
		return errTooLarge
	case body.Len() == 0:
		return nil
	}
	// A large page takes milliseconds to parse: the other requests go on meanwhile.
	p.links, err = coro.Blocking(ctx, func() ([]*url.URL, error) { return links(&body, p.final) })
	return err
}
