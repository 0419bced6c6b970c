package page

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller/browsertest"
)

// plotted is what a browser knows about one plot.
type plotted struct {
	ID, Title     string
	Width, Height float64
	Series        int     // that are drawn
	Outside       int     // texts beyond the picture's edges
	Ink, Paper    string  // the colours of its text and of the page
	LineWidth     float64 // of the page's content against the window's
}

const plotsOfPage = `(() => {
	const paper = getComputedStyle(document.body).backgroundColor;
	return [...document.querySelectorAll("svg.plot")].map((svg) => {
		const box = svg.getBoundingClientRect();
		const drawn = [...svg.querySelectorAll(".series .line, .bar")].filter((e) => {
			const b = e.getBoundingClientRect();
			return (b.width > 0 || b.height > 0) && getComputedStyle(e).visibility === "visible";
		});
		const texts = [...svg.querySelectorAll("text")];
		return {
			ID: svg.id, Title: svg.querySelector("title").textContent,
			Width: box.width, Height: box.height, Series: drawn.length,
			Outside: texts.filter((t) => { const b = t.getBoundingClientRect(); return b.left < box.left - 1 || b.right > box.right + 1; }).length,
			Ink: getComputedStyle(texts[0]).fill, Paper: paper,
			LineWidth: document.documentElement.scrollWidth / document.documentElement.clientWidth,
		};
	});
})()`

func TestPageShowsEveryPlotInABrowser(t *testing.T) {
	b := browsertest.Start(t)
	path := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(path, []byte(write(t, Source{"a.jsonl", someFile(t)}, Source{"b.jsonl", someFile(t)})), 0o644))
	p := b.OpenOffline("file://" + path)
	var inks, papers []string
	for _, screen := range []struct {
		width int
		dark  bool
	}{{1200, false}, {390, false}, {390, true}} {
		p.Emulate(screen.width, screen.dark)
		var plots []plotted
		p.Eval(plotsOfPage, &plots)
		require.Greater(t, len(plots), 40)
		for _, plot := range plots {
			require.NotEmpty(t, plot.Title, plot.ID)
			require.Greater(t, plot.Width, 250.0, plot.ID)
			require.Greater(t, plot.Height, 50.0, plot.ID)
			require.GreaterOrEqual(t, plot.Series, 2, "%s: series that are drawn", plot.ID)
			require.Zero(t, plot.Outside, "%s: texts outside of the picture", plot.ID)
			require.InDelta(t, 1, plot.LineWidth, 0.01, "the page is wider than a screen of %d pixels", screen.width)
		}
		inks, papers = append(inks, plots[0].Ink), append(papers, plots[0].Paper)
	}
	require.Equal(t, inks[0], inks[1])
	require.NotEqual(t, inks[1], inks[2], "the colour of text in the dark")
	require.NotEqual(t, papers[1], papers[2], "the colour of the page in the dark")
	require.Empty(t, p.Complaints())
}

// The test above must be able to fail.
func TestBrowserNotesComplaints(t *testing.T) {
	b := browsertest.Start(t)
	path := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(path, []byte(`<script>console.error("oh"); throw new Error("no")</script><img src="http://127.0.0.1:1/">`), 0o644))
	p := b.OpenOffline("file://" + path)
	require.GreaterOrEqual(t, len(p.Complaints()), 3, "%v", p.Complaints())
}
