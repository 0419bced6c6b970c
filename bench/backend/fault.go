package backend

import (
	"os"
	"time"
)

// Fault is what goes wrong in the handler of one connection, when a message of the
// workload Slow has it as its first byte. It happens on the thread, the loop or the
// process that serves the connection, and nowhere else.
type Fault byte

const (
	// FaultPanic is a panic that the handler does not recover.
	FaultPanic Fault = 3 + iota
	// FaultKill is the death of the process, as by the kernel when memory is short.
	FaultKill
	// FaultRunaway computes, for RunawayUnit times the second byte of the message.
	FaultRunaway
)

// RunawayUnit is what the second byte of a message of FaultRunaway counts.
const RunawayUnit = 10 * time.Millisecond

func (f Fault) String() string {
	switch f {
	case FaultPanic:
		return "panic"
	case FaultKill:
		return "kill"
	case FaultRunaway:
		return "runaway"
	}
	return "none"
}

// happen does nothing for other bytes.
func (f Fault) happen(argument byte) {
	switch f {
	case FaultPanic:
		panic("asked for by a message")
	case FaultKill:
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {} // until it is dead
	case FaultRunaway:
		// By the clock: how long it lasts is the point, and not how much it does.
		for until := time.Now().Add(time.Duration(argument) * RunawayUnit); time.Now().Before(until); {
			calculateRound()
		}
	}
}
