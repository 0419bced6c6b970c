package plot

import (
	"fmt"
	"html/template"
)

// Bar is a value with its interval. Low and High that are not numbers are none.
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
	barNumbers = 64  // room for the numbers behind the bars
)

// SVG draws it; it is empty if there is nothing that the axis can show. On a log
// axis the bars begin where the axis does, so that only their ends mean something.
func (b Bars) SVG() template.HTML {
	var values []float64
	for _, bar := range b.Bars {
		if b.Axis.shows(bar.Value) {
			values = append(values, bar.Value, bar.Low, bar.High)
		}
	}
	s, ok := b.Axis.scaleFor(values)
	if !ok {
		return ""
	}
	c := &canvas{width: width, height: top + barStep*len(b.Bars) + bottom, left: barNames, right: barNumbers, below: bottom}
	c.begin(b.ID, b.Title, b.Description)
	for _, t := range s.ticks {
		x, _ := c.at(s.place(t.Value), 0)
		fmt.Fprintf(c, `<path class="grid" d="M%.1f %dV%d"/>`, x, top, c.height-bottom)
		c.text(x, float64(c.height-bottom+16), "middle", "tick", t.Label)
	}
	c.text(float64(c.left+c.width-c.right)/2, float64(c.height-6), "middle", "axis", b.Axis.Title)
	for i, bar := range b.Bars {
		y := float64(top + i*barStep)
		middle := y + barHeight/2 + 4
		c.text(float64(c.left-8), middle, "end", "name", bar.Name)
		if !b.Axis.shows(bar.Value) {
			c.text(float64(c.left+4), middle, "start", "tick", "not measured")
			continue
		}
		x0, _ := c.at(0, 0)
		x1, _ := c.at(s.place(bar.Value), 0)
		fmt.Fprintf(c, `<rect class="bar s%d" x="%.1f" y="%.1f" width="%.1f" height="%d"/>`, i%styles, x0, y, max(x1-x0, 0.5), barHeight)
		end := x1
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
