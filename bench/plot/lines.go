package plot

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
)

// Point is a value with its interval. Low and High that are not numbers are none.
type Point struct{ X, Y, Low, High float64 }

// Series is what belongs together.
type Series struct {
	Name   string
	Points []Point
}

// Lines is a plot of series over a common axis.
type Lines struct {
	// ID is unique in the page; a letter, then letters, digits and hyphens.
	ID string
	// Title says what is shown, Description what is to be seen in it.
	Title, Description string
	X, Y               Axis
	// Series have their style by their place: one without a point that can be shown is
	// left out, and the others keep theirs.
	Series []Series
	// Smooth leaves the points out: for curves of very many.
	Smooth bool
}

// SVG draws it; it is empty if there is nothing that the axes can show.
func (l Lines) SVG() template.HTML {
	var xs, ys []float64
	for _, s := range l.Series {
		for _, p := range s.Points {
			if l.X.shows(p.X) && l.Y.shows(p.Y) {
				xs, ys = append(xs, p.X), append(ys, p.Y, p.Low, p.High)
			}
		}
	}
	x, ok := l.X.scaleFor(xs)
	if !ok {
		return ""
	}
	y, _ := l.Y.scaleFor(ys)
	shown := map[int][]Point{}
	for i, series := range l.Series {
		if points := l.visible(series); len(points) > 0 {
			shown[i] = points
		}
	}
	c := newCanvas(l.ID, l.Title, l.Description, len(shown))
	c.axes(l.X, l.Y, x, y)
	for place, i := range slices.Sorted(maps.Keys(shown)) {
		c.line(i, shown[i], x, y, l.Smooth)
		c.legend(i, place, l.Series[i].Name)
	}
	return c.finish()
}

// visible are the points that the axes show, from left to right.
func (l Lines) visible(s Series) []Point {
	points := slices.DeleteFunc(slices.Clone(s.Points), func(p Point) bool { return !l.X.shows(p.X) || !l.Y.shows(p.Y) })
	slices.SortStableFunc(points, func(a, b Point) int {
		switch {
		case a.X < b.X:
			return -1
		case a.X > b.X:
			return 1
		}
		return 0
	})
	return points
}

// line draws one series.
func (c *canvas) line(i int, points []Point, x, y scale, smooth bool) {
	fmt.Fprintf(c, `<g class="series s%d">`, i%styles)
	var path strings.Builder
	for k, p := range points {
		px, py := c.at(x.place(p.X), y.place(p.Y))
		verb := "L"
		if k == 0 {
			verb = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, px, py)
	}
	fmt.Fprintf(c, `<path class="line" d="%s"/>`, path.String())
	for _, p := range points {
		if smooth {
			break
		}
		px, py := c.at(x.place(p.X), y.place(p.Y))
		if y.known(p.Low, p.High) {
			_, low := c.at(0, max(0, y.place(p.Low)))
			_, high := c.at(0, min(1, y.place(p.High)))
			fmt.Fprintf(c, `<path class="interval" d="M%.1f %.1fV%.1f"/>`, px, low, high)
		}
		c.mark(i, px, py)
	}
	c.WriteString("</g>")
}
