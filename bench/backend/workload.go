package backend

import "fmt"

// Workload is what a server does with what it reads.
type Workload string

const (
	// Echo sends every byte back.
	Echo Workload = "echo"
	// Room sends every byte to all connections, the sender's included.
	Room Workload = "room"
	// Slow is Echo, and a message whose first two bytes say so (see
	// load.SlowBlocking) is answered after that work, and so are those behind it on
	// its connection. Messages are SlowSize bytes.
	Slow Workload = "slow"
	// HTTP answers GET requests of HTTP/1.1 with a body of 64 bytes.
	HTTP Workload = "http"
)

// SlowSize is the bytes of a message of the workload Slow.
const SlowSize = 64

// UnmarshalText reads a workload's name. Error: there is none of that name.
func (w *Workload) UnmarshalText(name []byte) error {
	switch known := Workload(name); known {
	case Echo, Room, Slow, HTTP:
		*w = known
		return nil
	}
	return fmt.Errorf("unknown workload %q; there are: echo, room, slow, http", name)
}
