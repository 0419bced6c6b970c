package backend

// Workload is what a server does with what it reads.
type Workload string

const (
	// Echo sends every byte back.
	Echo Workload = "echo"
	// Room sends every byte to all connections, the sender's included.
	Room Workload = "room"
	// Slow is Echo, and a message whose first two bytes say so (see
	// load.SlowBlocking) is answered after that work. Messages are SlowSize bytes.
	Slow Workload = "slow"
	// HTTP answers GET requests of HTTP/1.1 with a body of 64 bytes.
	HTTP Workload = "http"
)

// SlowSize is the bytes of a message of the workload Slow.
const SlowSize = 64
