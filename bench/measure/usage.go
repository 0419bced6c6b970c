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
}

// Sub is what was consumed between before and u.
func (u Usage) Sub(before Usage) Usage {
	return Usage{
		CPU:         u.CPU - before.CPU,
		Voluntary:   u.Voluntary - before.Voluntary,
		Involuntary: u.Involuntary - before.Involuntary,
	}
}

// Switches is the sum of both kinds.
func (u Usage) Switches() uint64 { return u.Voluntary + u.Involuntary }
