package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Metric names a figure of a sample.
type Metric uint8

const (
	Rate          Metric = iota // messages per second
	P50                         // latency in microseconds
	P99                         // latency in microseconds
	P999                        // latency in microseconds
	CPU                         // the server's CPU time per message, in microseconds
	Switches                    // the server's context switches per message
	Memory                      // growth of the server's Pss_Anon per connection, in bytes
	ServerBusy                  // the server's CPU time divided by the time, of all processors
	GeneratorBusy               // the same of the generator
	metrics
)

// metric is how a figure is called in JSON and in a table. Those without a
// title are in JSON only.
var metric = [metrics]struct {
	key, title string
	digits     int
}{
	Rate:          {"messages_per_second", "msg/s", 0},
	P50:           {"p50_us", "p50 us", 0},
	P99:           {"p99_us", "p99 us", 0},
	P999:          {"p999_us", "p99.9 us", 0},
	CPU:           {"cpu_us_per_message", "CPU us", 2},
	Switches:      {"context_switches_per_message", "switches", 3},
	Memory:        {"pss_anon_bytes_per_connection", "B/conn", 0},
	ServerBusy:    {"server_busy", "", 2},
	GeneratorBusy: {"generator_busy", "", 2},
}

func (m Metric) String() string { return metric[m].key }

// Figure is a number, or NotMeasured.
type Figure float64

// NotMeasured is a figure that this system does not tell, or that makes no
// sense. It is null in JSON and a dash in a table.
var NotMeasured = Figure(math.NaN())

// Measured reports whether f is a number.
func (f Figure) Measured() bool { return !math.IsNaN(float64(f)) }

// MarshalJSON writes null for what was not measured.
func (f Figure) MarshalJSON() ([]byte, error) {
	if !f.Measured() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// UnmarshalJSON reads null as NotMeasured.
func (f *Figure) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*f = NotMeasured
		return nil
	}
	return json.Unmarshal(data, (*float64)(f))
}

func (f Figure) format(digits int) string {
	if !f.Measured() {
		return "-"
	}
	return strconv.FormatFloat(float64(f), 'f', digits, 64)
}

// Figures holds one figure per metric.
type Figures [metrics]Figure

// Unmeasured returns Figures of which none is measured.
func Unmeasured() Figures {
	var f Figures
	for m := range f {
		f[m] = NotMeasured
	}
	return f
}

// MarshalJSON writes an object with the metrics as keys.
func (f Figures) MarshalJSON() ([]byte, error) {
	object := make(map[string]Figure, metrics)
	for m, value := range f {
		object[metric[m].key] = value
	}
	return json.Marshal(object)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (f *Figures) UnmarshalJSON(data []byte) error {
	var object map[string]Figure
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	for m := range f {
		value, ok := object[metric[m].key]
		if !ok {
			return fmt.Errorf("report: no %s", metric[m].key)
		}
		f[m] = value
	}
	return nil
}
