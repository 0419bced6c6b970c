package advise

import (
	"fmt"
	"time"
)

// Isolation is what must not be able to harm others. A higher one includes the
// lower ones.
type Isolation uint8

const (
	// None: a crash may take the whole server.
	None Isolation = iota
	// Crash: a crash may take some connections, never all.
	Crash
	// Security: a handler must not be able to see what belongs to another one.
	Security
)

var isolations = [...]string{"none", "crash", "security"}

func (i Isolation) String() string { return isolations[i] }

// UnmarshalText reads its name.
func (i *Isolation) UnmarshalText(name []byte) error {
	for level, known := range isolations {
		if known == string(name) {
			*i = Isolation(level)
			return nil
		}
	}
	return fmt.Errorf("unknown isolation %q; there are: none, crash, security", name)
}

// Question is what a server has to do.
type Question struct {
	Connections int
	// Active is the share of them that have a request at a time, from 0 to 1.
	Active float64
	// CPUPerRequest is the processor time of a request, without waiting.
	CPUPerRequest time.Duration
	Isolation     Isolation
	// Memory is what the connections may take, in bytes, with the kernel's part for
	// units and sockets, and without buffers.
	Memory int64
	// Workers is how many processes a prefork server has: one a processor.
	Workers int
}
