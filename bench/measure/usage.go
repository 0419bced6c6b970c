package measure

import "time"

// Usage is what a process has consumed since it began. Figures are meant to be
// subtracted from later ones.
type Usage struct {
	// CPU is user and system time of all threads.
	CPU time.Duration `json:"cpu_ns"`
	// Voluntary switches happen when a thread waits, involuntary ones when it
	// is made to give its processor away.
	Voluntary   uint64 `json:"voluntary_switches"`
	Involuntary uint64 `json:"involuntary_switches"`
	// Lost tells of a difference that threads have ended which had switched more often
	// than the others since, so that nothing is known of its switches.
	Lost bool `json:"switches_lost,omitempty"`
}

// Sub is what was consumed between before and u.
func (u Usage) Sub(before Usage) Usage {
	d := Usage{CPU: u.CPU - before.CPU}
	if u.Voluntary < before.Voluntary || u.Involuntary < before.Involuntary {
		d.Lost = true
		return d
	}
	d.Voluntary, d.Involuntary = u.Voluntary-before.Voluntary, u.Involuntary-before.Involuntary
	return d
}

// Switches is the sum of both kinds.
func (u Usage) Switches() uint64 { return u.Voluntary + u.Involuntary }
