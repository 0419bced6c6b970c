package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
	"github.com/weft-go/weft/bench/stats"
	"github.com/weft-go/weft/bench/summary"
)

// WriteTables prints one table per point, under a line per scenario that says what
// it asks. Each figure is followed by its ratio to the reference.
func WriteTables(w io.Writer, f result.File) error {
	out := &printer{w: w}
	all, last := summary.Of(f), ""
	for _, at := range all.Points {
		sc := scenario.Named(at.Scenario, all.Metrics)
		if at.Scenario != last {
			out.line("%s: %s", sc.Name, sc.Question)
			if sc.Note != "" {
				out.line(" %s", sc.Note)
			}
			out.line("")
			last = at.Scenario
		}
		out.point(at, at.Shown(all.Metrics, sc.Shows), at.MarksInWords())
	}
	out.line("x is the ratio to %s: the median of the rounds' quotients.\n"+
		"  *  its 95 %% interval leaves 1 out (from six rounds on)\n"+
		"  ** so it does when all ratios of its column are tested together (Holm, 5 %%)\n"+
		"CPU and context switches are the server's, per message where nothing else is said.", f.Run.Reference)
	return out.err
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// point prints the table of one point.
func (p *printer) point(at summary.Point, metrics []result.Metric, marks []string) {
	t := newTable()
	header := table.Row{scenario.Describe(at.Axes)}
	var columns []table.ColumnConfig
	for _, m := range metrics {
		header = append(header, m.Title)
		columns = append(columns, right(len(header)))
		if m.Relates() {
			header = append(header, "x")
			columns = append(columns, right(len(header)))
		}
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(columns)
	for _, r := range at.Rows {
		cells := table.Row{r.Backend}
		if r.Samples == 0 {
			t.AppendRow(append(cells, "failed"))
			continue
		}
		for _, m := range metrics {
			value, x := "-", "-"
			if cell, measured := r.Cells[m.Name]; measured {
				value, x = number(cell.Median.Center, m.Digits), ratio(cell)
			}
			cells = append(cells, value)
			if m.Relates() {
				cells = append(cells, x)
			}
		}
		t.AppendRow(cells)
	}
	p.line("%s", t.Render())
	for _, r := range at.Rows {
		if r.Void > 0 {
			p.line(" %s failed: %s", r.Backend, r.Why)
		}
	}
	for _, m := range marks {
		p.line(" %s", m)
	}
	p.line("")
}

// ratio to the reference, with what it proves.
func ratio(c summary.Cell) string {
	against := c.Against.Ratio
	switch v := c.Verdict(); {
	case against.N == 0:
		return "-"
	case v == stats.Smaller || v == stats.Larger:
		return number(against.Center, 2) + "**"
	case against.Known() && !against.Contains(1):
		return number(against.Center, 2) + "*"
	}
	return number(against.Center, 2)
}

func number(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }

// WriteHead prints where and how the figures were measured.
func WriteHead(w io.Writer, run result.Run) error {
	h := run.Host
	parts := []string{h.Go, strings.TrimSpace(h.OS + " " + h.Kernel), h.CPU}
	_, err := fmt.Fprintf(w, "%s\nlayout %v\nprofile %s, seed %d\n\n", strings.Join(parts, ", "), run.Plan, run.Profile, run.Seed)
	return err
}

// newTable has a line under its header and nothing else, and keeps the case of
// what it is given: units are case-sensitive.
func newTable() table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Options.SeparateHeader = true
	t.Style().Format.Header = text.FormatDefault
	return t
}

func right(column int) table.ColumnConfig {
	return table.ColumnConfig{Number: column, Align: text.AlignRight, AlignHeader: text.AlignRight}
}
