package report

import (
	"io"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/weft-go/weft/bench/models"
	"github.com/weft-go/weft/bench/result"
)

// kindTitles say what a table of models is about.
var kindTitles = map[string]string{
	"create": "create: one unit is made, runs, and ends",
	"switch": "switch: from one unit to another, on one CPU",
	"memory": "memory: of a unit that waits, and of one end of a TCP connection; the kernel's part is that of the whole machine",
	"fit":    "fit: how many units with a connection each, by each limit; its buffers are not counted",
	"job":    "job: the same work by more workers. elapsed; the share of CPU time that the calculation alone would not have needed; switches that the kernel counted",
	"share":  "share: one increment of one counter that two use",
	"crash":  "crash: one handler of a server goes wrong: the share of the other connections that were lost, or answered late",
}

// WriteModels prints a table for each kind of figure, and then the selection table.
// Each median is followed by its 95 % interval, where there is one.
func WriteModels(w io.Writer, f result.File) error {
	out := &printer{w: w}
	all := models.Table(f.Models)
	for _, kind := range models.Kinds {
		if names := all.Models(kind); len(names) > 0 {
			out.line("%s\n%s\n", kindTitles[kind], kindTable(all, kind, names))
		}
	}
	if rows := all.Select(); len(rows) > 0 {
		out.line("the selection table, with this machine's figures\n%s\n", selectionTable(rows))
	}
	return out.err
}

func kindTable(all models.Table, kind string, names []string) string {
	t := newTable()
	header := table.Row{"", "workers", "unit"}
	columns := []table.ColumnConfig{right(2)}
	for _, name := range names {
		header = append(header, name)
		columns = append(columns, right(len(header)))
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(columns)
	for _, q := range all.Quantities(kind) {
		for _, workers := range all.Workers(q) {
			row := table.Row{q, "", ""}
			if workers > 0 {
				row[1] = strconv.Itoa(workers)
			}
			for _, name := range names {
				m, known := all.Find(name, q, workers)
				if !known {
					row = append(row, "-")
					continue
				}
				row[2] = m.Unit
				row = append(row, modelText(m))
			}
			t.AppendRow(row)
		}
	}
	return t.Render()
}

func modelText(m result.Model) string {
	text := models.Short(m.Value)
	if m.Low < m.High {
		text += " [" + models.Short(m.Low) + ", " + models.Short(m.High) + "]"
	}
	return text
}

// selectionWidths bound the columns of the selection table: it is read, not scanned.
var selectionWidths = []int{10, 24, 20, 16, 18, 18, 30}

func selectionTable(rows []models.Choice) string {
	t := newTable()
	t.Style().Options.SeparateRows = true
	var header table.Row
	var columns []table.ColumnConfig
	for i, name := range models.ChoiceHead {
		header = append(header, name)
		columns = append(columns, table.ColumnConfig{
			Number: i + 1, WidthMax: selectionWidths[i], WidthMaxEnforcer: text.WrapSoft,
		})
	}
	t.SetColumnConfigs(columns)
	t.AppendHeader(header)
	for _, r := range rows {
		var row table.Row
		for _, cell := range r.Cells() {
			row = append(row, cell)
		}
		t.AppendRow(row)
	}
	return t.Render()
}
