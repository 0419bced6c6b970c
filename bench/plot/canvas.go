package plot

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Sizes are in the picture's own units; the page scales it.
const (
	//
	// Bound: width is little enough for letters to be read where all of it is on a
	// phone.
	width  = 440
	height = 300
	left   = 64
	right  = 16
	top    = 12
	bottom = 44
	// letter is the width of a letter of a label, at the most.
	letter = 7.5
	// legendStep and legendColumns place the names of series below a plot.
	legendStep    = 18
	legendColumns = 3
)

// styles is how many series can be told apart; they repeat from there on.
const styles = 12

// canvas collects a picture.
type canvas struct {
	strings.Builder
	width, height int
	left, right   int
	below         int // of the plot: ticks, title, legend
}

func newCanvas(id, title, description string, series int) *canvas {
	legend := (series + legendColumns - 1) / legendColumns * legendStep
	c := &canvas{width: width, height: height + legend, left: left, right: right, below: bottom + legend}
	c.begin(id, title, description)
	return c
}

func (c *canvas) begin(id, title, description string) {
	fmt.Fprintf(c, `<svg id="%[1]s" class="plot" viewBox="0 0 %[2]d %[3]d" role="img" aria-labelledby="%[1]s-title %[1]s-desc">`, id, c.width, c.height)
	fmt.Fprintf(c, `<title id="%[1]s-title">%[2]s</title><desc id="%[1]s-desc">%[3]s</desc>`, id,
		template.HTMLEscapeString(title), template.HTMLEscapeString(description))
}

func (c *canvas) finish() template.HTML {
	c.WriteString("</svg>")
	return template.HTML(c.String()) // everything that came from outside was escaped
}

// at turns places on the two scales into coordinates.
func (c *canvas) at(x, y float64) (float64, float64) {
	w := float64(c.width - c.left - c.right)
	h := float64(c.height - top - c.below)
	return float64(c.left) + x*w, float64(c.height-c.below) - y*h
}

func (c *canvas) text(x, y float64, anchor, class, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, template.HTMLEscapeString(text))
}

func (c *canvas) axes(xa, ya Axis, x, y scale) {
	bottomLine := float64(c.height - c.below)
	for _, t := range y.ticks {
		_, at := c.at(0, y.place(t.Value))
		fmt.Fprintf(c, `<path class="grid" d="M%d %.1fH%d"/>`, c.left, at, c.width-c.right)
		c.text(float64(c.left-6), at+4, "end", "tick", t.Label)
	}
	for end, i := math.Inf(-1), 0; i < len(x.ticks); i++ {
		t := x.ticks[i]
		at, _ := c.at(x.place(t.Value), 0)
		fmt.Fprintf(c, `<path class="grid" d="M%.1f %dV%.1f"/>`, at, top, bottomLine)
		if half := float64(len([]rune(t.Label))) * letter / 2; at-half > end { // it does not cover the last one
			c.text(at, bottomLine+16, "middle", "tick", t.Label)
			end = at + half
		}
	}
	fmt.Fprintf(c, `<path class="frame" d="M%d %dV%.1fH%d"/>`, c.left, top, bottomLine, c.width-c.right)
	c.text(float64(c.left+c.width-c.right)/2, bottomLine+34, "middle", "axis", xa.Title)
	middle := (float64(top) + bottomLine) / 2
	fmt.Fprintf(c, `<text transform="translate(14 %.1f) rotate(-90)" text-anchor="middle" class="axis">%s</text>`, middle, template.HTMLEscapeString(ya.Title))
}

// legend names a series of a style below the plot, at a place of the names there.
func (c *canvas) legend(i, place int, name string) {
	column := float64(c.width-c.left-c.right) / legendColumns
	x := float64(c.left) + float64(place%legendColumns)*column
	y := float64(c.height-c.below+bottom) + float64(place/legendColumns)*legendStep + 6
	fmt.Fprintf(c, `<g class="series s%d"><path class="line" d="M%.1f %.1fh22"/>`, i%styles, x, y)
	c.mark(i, x+11, y)
	c.WriteString("</g>")
	c.text(x+28, y+4, "start", "name", name)
}

// mark draws the point of a series: circle, square, triangle, diamond.
func (c *canvas) mark(i int, x, y float64) {
	const r = 3.5
	switch i % 4 {
	case 0:
		fmt.Fprintf(c, `<circle class="mark" cx="%.1f" cy="%.1f" r="%.1f"/>`, x, y, r)
	case 1:
		fmt.Fprintf(c, `<path class="mark" d="M%.1f %.1fh%[3]gv%[3]gh-%[3]gz"/>`, x-r, y-r, 2*r)
	case 2:
		fmt.Fprintf(c, `<path class="mark" d="M%.1f %.1fl%.1f %.1fh-%.1fz"/>`, x, y-r-0.5, r*1.15, 2*r, 2*r*1.15)
	case 3:
		fmt.Fprintf(c, `<path class="mark" d="M%.1f %.1fl%[3]g %[3]gl-%[3]g %[3]gl-%[3]g -%[3]gz"/>`, x, y-r-1, r+1)
	}
}

// None is an end of an interval that is not known.
var None = math.NaN()

// known reports whether an interval can be drawn on a scale.
func (s scale) known(low, high float64) bool {
	return low < high && !math.IsInf(low, 0) && !math.IsInf(high, 0) && (!s.log || low > 0)
}
