package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
	"github.com/weft-go/weft/bench/stats"
)

// WriteTables prints one table per point, under a line per scenario that says what
// it asks. Each figure is followed by its ratio to the reference.
func WriteTables(w io.Writer, f result.File) error {
	out := &printer{w: w}
	last := ""
	for _, at := range Points(f) {
		sc, err := scenario.Find(at.Scenario)
		if err != nil {
			sc = scenario.Scenario{Name: at.Scenario} // of another version of this program
			for _, m := range result.Metrics {
				sc.Shows = append(sc.Shows, m.Name)
			}
		}
		if at.Scenario != last {
			out.line("%s: %s\n", sc.Name, sc.Question)
			last = at.Scenario
		}
		out.point(f, at, sc.Shows)
	}
	out.line("x is the ratio to %s: the median of the rounds' quotients, of at most %d rounds.\n"+
		"  *  its 95 %% interval leaves 1 out (from six rounds on)\n"+
		"  ** so it does when all backends of the table are tested at once (Holm, 5 %%)\n"+
		"CPU and context switches are the server's, per message.", f.Run.Reference, f.Run.Rounds)
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
func (p *printer) point(f result.File, at result.Point, shows []string) {
	rows := Rows(f, at)
	metrics := measured(rows, shows)
	stars := judge(rows, metrics, f.Run.Reference)
	t := newTable()
	header := table.Row{scenario.Describe(at.Axes)}
	var columns []table.ColumnConfig
	for _, m := range metrics {
		header = append(header, m.Title, "x")
		columns = append(columns, right(len(header)-1), right(len(header)))
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(columns)
	for _, r := range rows {
		cells := table.Row{r.Backend}
		if r.Failed != "" {
			t.AppendRow(append(cells, "failed"))
			continue
		}
		for i, m := range metrics {
			cells = append(cells, value(r, m), ratio(r, m)+stars[r.Backend][i])
		}
		t.AppendRow(cells)
	}
	p.line("%s", t.Render())
	for _, r := range rows {
		if r.Failed != "" {
			p.line(" %s failed: %s", r.Backend, r.Failed)
		}
	}
	for _, r := range rows {
		if marks := r.marks(); marks != "" && r.Failed == "" {
			p.line(" %s: %s", r.Backend, marks)
		}
	}
	p.line("")
}

// measured are those of the metrics that any row has.
func measured(rows []Row, names []string) (metrics []result.Metric) {
	for _, name := range names {
		m, known := result.FindMetric(name)
		if !known {
			continue
		}
		for _, r := range rows {
			if _, has := r.Median[name]; has {
				metrics = append(metrics, m)
				break
			}
		}
	}
	return metrics
}

// judge says what the ratios prove: per backend and metric "", "*" or "**". The
// comparisons that are corrected together are those of one metric in one table.
func judge(rows []Row, metrics []result.Metric, reference string) map[string][]string {
	stars := map[string][]string{}
	for _, r := range rows {
		stars[r.Backend] = make([]string, len(metrics))
	}
	for i, m := range metrics {
		var of []string
		var ps []float64
		var ratios []stats.Comparison
		for _, r := range rows {
			if c, ok := r.Ratio[m.Name]; ok && r.Backend != reference {
				of, ps, ratios = append(of, r.Backend), append(ps, c.P), append(ratios, c)
			}
		}
		for k, p := range stats.Holm(ps) {
			c := ratios[k]
			switch v := c.Verdict(p); {
			case v == stats.Smaller || v == stats.Larger:
				stars[of[k]][i] = "**"
			case c.Ratio.Known() && !c.Ratio.Contains(1):
				stars[of[k]][i] = "*"
			}
		}
	}
	return stars
}

func value(r Row, m result.Metric) string {
	v, ok := r.Median[m.Name]
	if !ok {
		return "-"
	}
	return strconv.FormatFloat(v.Center, 'f', m.Digits, 64)
}

func ratio(r Row, m result.Metric) string {
	c, ok := r.Ratio[m.Name]
	if !ok || math.IsNaN(c.Ratio.Center) {
		return "-"
	}
	return strconv.FormatFloat(c.Ratio.Center, 'f', 2, 64)
}

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
