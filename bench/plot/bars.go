package plot

import (
	"fmt"
	"html/template"
)

// Bar is a value with its interval. Low and High that are not numbers are none. One
// without a name is left out, and the others keep their styles.
type Bar struct {
	Name             string
	Value, Low, High float64
}

// Bars is a plot of values that belong to names. They lie on their side, so that
// names have room.
type Bars struct {
	ID                 string
	Title, Description string
	Axis               Axis
	Bars               []Bar
}

const (
	barHeight  = 18
	barStep    = 26
	barNames   = 110 // room for names
	markWidth  = 8.0 // of what stands for a bar on a log axis
	barNumbers = 64  // room for the numbers behind the bars
)

// SVG draws it; it is empty if there is nothing that the axis can show. Bars begin at
// zero. A log axis has none, so that a length would mean nothing there: it has marks
// where bars would end.
func (b Bars) SVG() template.HTML {
	var values []float64
	rows := 0
	for _, bar := range b.Bars {
		if bar.Name != "" {
			rows++
		}
		if bar.Name != "" && b.Axis.shows(bar.Value) {
			values = append(values, bar.Value, bar.Low, bar.High)
		}
	}
	s, ok := b.Axis.scaleFor(values)
	if !ok {
		return ""
	}
	c := &canvas{width: width, height: top + barStep*rows + bottom, left: barNames, right: barNumbers, below: bottom}
	c.begin(b.ID, b.Title, b.Description)
	for _, t := range s.ticks {
		x, _ := c.at(s.place(t.Value), 0)
		fmt.Fprintf(c, `<path class="grid" d="M%.1f %dV%d"/>`, x, top, c.height-bottom)
		c.text(x, float64(c.height-bottom+16), "middle", "tick", t.Label)
	}
	c.text(float64(c.left+c.width-c.right)/2, float64(c.height-6), "middle", "axis", b.Axis.Title)
	row := 0
	for i, bar := range b.Bars {
		if bar.Name == "" {
			continue
		}
		y := float64(top + row*barStep)
		row++
		middle := y + barHeight/2 + 4
		c.text(float64(c.left-8), middle, "end", "name", bar.Name)
		if !b.Axis.shows(bar.Value) {
			c.text(float64(c.left+4), middle, "start", "tick", "not measured")
			continue
		}
		from, _ := c.at(s.place(bar.Value), 0)
		to := from
		if s.log {
			from, to = from-markWidth/2, to+markWidth/2
		} else {
			zero, _ := c.at(s.place(0), 0)
			from, to = min(from, zero), max(to, zero)
		}
		fmt.Fprintf(c, `<rect class="bar s%d" x="%.1f" y="%.1f" width="%.1f" height="%d"/>`, i%styles, from, y, max(to-from, 0.5), barHeight)
		end := to
		if s.known(bar.Low, bar.High) {
			low, _ := c.at(max(0, s.place(bar.Low)), 0)
			high, _ := c.at(min(1, s.place(bar.High)), 0)
			fmt.Fprintf(c, `<path class="whisker" d="M%.1f %.1fH%.1fm0 -4v8M%.1f %.1fv8"/>`, low, y+barHeight/2, high, low, y+barHeight/2-4)
			end = max(end, high)
		}
		c.text(end+6, middle, "start", "number", Short(bar.Value))
	}
	return c.finish()
}
