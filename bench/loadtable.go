package main

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/weft-go/weft/bench/load"
)

// writeLoad prints what a load has measured: a head, a table per group, and what a
// reader has to know.
func writeLoad(w io.Writer, r *loadReport) error {
	d, o := r.Dialed, r.Outcome
	fmt.Fprintf(w, "server %s, %s in %s, from %s\nseed %d", r.Spec.Server, count(d.Conns, "connection"),
		count(d.Processes, "process"), count(d.Sources, "address"), r.Spec.Seed)
	if d.Congestion != "" {
		fmt.Fprintf(w, ", congestion control %s", d.Congestion)
	}
	received := uint64(0)
	for i, m := range o.Groups {
		fmt.Fprint(w, "\n\n")
		received += m.Received
		if err := writeGroup(w, r.Spec.Groups[i], &m); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\n\ngenerator: %v of CPU time", o.CPU.Round(time.Millisecond))
	if received > 0 {
		fmt.Fprintf(w, ", %.2f us per message", float64(o.CPU.Nanoseconds())/1e3/float64(received))
	}
	_, err := fmt.Fprintln(w)
	return err
}

func writeGroup(w io.Writer, g load.Group, m *load.Measured) error {
	fmt.Fprintf(w, "%v: %d messages planned, %d sent, %d received", g, m.Planned, m.Sent, m.Received)
	if m.Elapsed > 0 {
		fmt.Fprintf(w, " in %v: %.0f a second", m.Elapsed.Round(time.Millisecond), float64(m.Received)/m.Elapsed.Seconds())
	}
	if m.Dropped > 0 {
		fmt.Fprintf(w, "; the server ended %d of the connections", m.Dropped)
	}
	fmt.Fprintln(w)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Options.SeparateHeader = true
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"us", "count", "p50", "p90", "p99", "p99.9", "p99.99", "max"})
	rows := 0
	for _, row := range []struct {
		name string
		h    load.Histogram
	}{
		{"latency", m.Latency}, {"service", m.Service}, {"send lag", m.SendLag},
		{"slow messages", m.Slow}, {"connect", m.Connect}, {"skew", m.Skew},
	} {
		if row.h == "" {
			continue
		}
		h, err := row.h.Decode()
		if err != nil {
			return err
		}
		us := func(ns int64) string { return fmt.Sprintf("%.1f", float64(ns)/1e3) }
		t.AppendRow(table.Row{row.name, h.TotalCount(), us(h.ValueAtPercentile(50)), us(h.ValueAtPercentile(90)),
			us(h.ValueAtPercentile(99)), us(h.ValueAtPercentile(99.9)), us(h.ValueAtPercentile(99.99)), us(h.Max())})
		rows++
	}
	var columns []table.ColumnConfig
	for i := 2; i <= 8; i++ {
		columns = append(columns, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	if rows > 0 {
		fmt.Fprint(w, t.Render())
	}
	if m.GeneratorLimited {
		fmt.Fprint(w, "\ngenerator-limited: the p99 of the send lag is over a tenth of the latency's")
	}
	return nil
}

// count is "1 connection", "2 connections".
func count(n int, what string) string {
	switch {
	case n == 1:
	case what[len(what)-1] == 's':
		what += "es"
	default:
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
