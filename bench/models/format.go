package models

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Short is a number with three digits that count: 0.0123, 1.23, 45.6, 12300.
func Short(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(v))))
	text := strconv.FormatFloat(math.Round(v*scale)/scale, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// Bytes is an amount of memory: "2.7 KB".
func Bytes(v float64) string { return scaled(v, 1024, "B", "KB", "MB", "GB", "TB") }

// Microseconds is a time that is given in them: "3.5 us", "1.2 ms".
func Microseconds(v float64) string { return scaled(v*1000, 1000, "ns", "us", "ms", "s") }

// Percent is a share: "12 %".
func Percent(v float64) string {
	if math.Abs(v) < 0.005 {
		return "0 %"
	}
	return fmt.Sprintf("%.0f %%", v*100)
}

func scaled(v, step float64, units ...string) string {
	i := 0
	for math.Abs(v) >= step && i < len(units)-1 {
		v /= step
		i++
	}
	return Short(v) + " " + units[i]
}
