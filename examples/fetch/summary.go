package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/jedib0t/go-pretty/v6/table"
)

// summary counts what has come of all pages, by status or by kind of failure.
type summary struct {
	groups map[string]*group
	pages  int
	failed int // pages without an answer, or without all of it
	again  int // tries beyond the first of a page
}

type group struct {
	bytes int64
	times *hdrhistogram.Histogram // microseconds
}

// longest is the longest time that is told apart.
//
// Bound: -timeout is shorter.
const longest = time.Hour

func (s *summary) add(p *page) {
	name := strconv.Itoa(p.status)
	if p.err != nil {
		name = kind(p.err)
		s.failed++
	}
	if s.groups == nil {
		s.groups = make(map[string]*group)
	}
	g := s.groups[name]
	if g == nil {
		g = &group{times: hdrhistogram.New(1, longest.Microseconds(), 3)}
		s.groups[name] = g
	}
	s.pages++
	s.again += p.tries - 1
	g.bytes += p.bytes
	_ = g.times.RecordValue(min(p.took, longest).Microseconds()) // within its range
}

// kind is a failure in a word or two.
func kind(err error) string {
	var name *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, errTooLarge):
		return "too large"
	case errors.Is(err, errRedirect):
		return "redirect"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "cut off"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.As(err, &name):
		return "no such name"
	}
	return "other"
}

func (s *summary) print(out io.Writer, took time.Duration) {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"status", "pages", "bytes", "p50", "p95", "max"})
	names := make([]string, 0, len(s.groups))
	for name := range s.groups {
		names = append(names, name)
	}
	slices.Sort(names)
	total := int64(0)
	for _, name := range names {
		g := s.groups[name]
		total += g.bytes
		t.AppendRow(table.Row{name, g.times.TotalCount(), g.bytes, micros(g.times.ValueAtQuantile(50)), micros(g.times.ValueAtQuantile(95)), micros(g.times.Max())})
	}
	t.AppendFooter(table.Row{"all", s.pages, total})
	t.Render()
	fmt.Fprintf(out, "%d tries beyond the first, %v\n", s.again, took.Round(time.Millisecond))
}

func micros(n int64) time.Duration {
	return (time.Duration(n) * time.Microsecond).Round(100 * time.Microsecond)
}
