package report

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// WriteTable prints one table per number of connections. Each figure is
// followed by its ratio to the reference.
func (r *Report) WriteTable(w io.Writer) error {
	s := &r.Settings
	for _, conns := range s.Conns {
		t := newTable()
		header, columns := table.Row{r.title(conns)}, []table.ColumnConfig{}
		for m := range metrics {
			if metric[m].title == "" {
				continue
			}
			header = append(header, metric[m].title, "x")
			columns = append(columns, right(len(header)-1), right(len(header)))
		}
		t.AppendHeader(header)
		t.SetColumnConfigs(columns)
		for _, row := range r.Rows {
			if row.Conns == conns {
				t.AppendRow(cells(row, len(header)))
			}
		}
		if _, err := fmt.Fprintln(w, t.Render()); err != nil {
			return err
		}
		for _, row := range r.Rows {
			if row.Conns == conns && row.Failed != "" {
				if _, err := fmt.Fprintf(w, " %s failed: %s\n", row.Backend, row.Failed); err != nil {
					return err
				}
			}
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "Medians of %d x %v, depth %d, %d B; x is the ratio to %s, round by round.\n"+
		"CPU and context switches are the server's, per message; B/conn is its user memory.\n",
		s.Rounds, s.Duration, s.Depth, s.Size, s.Reference)
	return err
}

func (r *Report) title(conns int) string {
	if conns == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", conns)
}

func cells(row Row, width int) table.Row {
	cells := table.Row{row.Backend}
	if row.Failed != "" {
		return append(cells, "failed")
	}
	for m := range metrics {
		if metric[m].title != "" {
			cells = append(cells, row.Median[m].format(metric[m].digits), row.Ratio[m].format(2))
		}
	}
	return cells[:width]
}

// IdleRow is what connections cost a backend while nothing happens.
type IdleRow struct {
	Backend string
	// Failed is why there are no figures; empty if there are.
	Failed string
	// LiveBytes and Memory are bytes per connection: what a collection leaves
	// of heap and stacks, and resident memory (Pss_Anon).
	LiveBytes, Memory Figure
	// CPUSeconds, Voluntary (context switches) and Threads are the process's
	// over the time of idleness.
	CPUSeconds, Voluntary, Threads Figure
}

// WriteIdleTable prints what idle found.
func WriteIdleTable(w io.Writer, title string, rows []IdleRow) error {
	t := newTable()
	t.AppendHeader(table.Row{title, "live B/conn", "Pss_Anon B/conn", "idle CPU s", "switches", "threads"})
	t.SetColumnConfigs([]table.ColumnConfig{right(2), right(3), right(4), right(5), right(6)})
	for _, r := range rows {
		if r.Failed != "" {
			t.AppendRow(table.Row{r.Backend, "failed"})
			continue
		}
		t.AppendRow(table.Row{r.Backend, r.LiveBytes.format(0), r.Memory.format(0),
			r.CPUSeconds.format(3), r.Voluntary.format(0), r.Threads.format(0)})
	}
	if _, err := fmt.Fprintln(w, t.Render()); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Failed != "" {
			if _, err := fmt.Fprintf(w, " %s failed: %s\n", r.Backend, r.Failed); err != nil {
				return err
			}
		}
	}
	return nil
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
