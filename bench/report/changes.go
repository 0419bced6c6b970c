package report

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
)

// ChangeRow is one figure of two files, in words.
type ChangeRow struct {
	Where, Backend, Metric, Before, After, Factor, P, Verdict string
}

// WriteChanges prints a table of them; of none, nothing.
func WriteChanges(w io.Writer, rows []ChangeRow) error {
	if len(rows) == 0 {
		return nil
	}
	t := newTable()
	t.AppendHeader(table.Row{"at", "backend", "figure", "before", "after", "factor", "p", ""})
	t.SetColumnConfigs([]table.ColumnConfig{right(4), right(5)})
	for _, r := range rows {
		t.AppendRow(table.Row{r.Where, r.Backend, r.Metric, r.Before, r.After, r.Factor, r.P, r.Verdict})
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}
