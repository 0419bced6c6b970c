package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Spec is a load: which groups of connections a generator opens to a server, and
// what each group does with them. A scenario is nothing but a choice of groups:
// light connections beside hogs, a few active ones among many idle ones.
type Spec struct {
	// Server is the address, HOST:PORT with an IP address.
	Server string  `json:"server"`
	Groups []Group `json:"groups"`
	// Seed decides the payload, the phases and the arrivals.
	Seed uint64 `json:"seed"`
	// ConnectRate is how many connections a second Dial begins at most; 0 is as
	// many as are answered.
	ConnectRate float64 `json:"connect_rate,omitempty"`
	// Spin is how long before a planned send the generator stops to sleep and looks
	// again and again, so that it is not late by the time that a processor takes to
	// wake up (20 to 40 us on a virtual one). It costs that much CPU time per send,
	// and is for a generator with a processor of its own. 0 never spins.
	Spin time.Duration `json:"spin_ns,omitempty"`
	// First is the number of the first connection, where the Spec is one
	// process's part of a larger one: no two connections have the same number,
	// and so none the same bytes.
	First int `json:"first,omitempty"`
}

// Group is a number of connections that do the same. What it measures is kept
// apart from the other groups.
type Group struct {
	// Name is how results call it. It is unique in a Spec.
	Name  string `json:"name"`
	Role  Role   `json:"role"`
	Conns int    `json:"connections"`
	// Size is the bytes of a message, Depth the messages of a batch, which are
	// written together. Both at least 1.
	Size  int `json:"size_bytes"`
	Depth int `json:"depth"`

	// Active is how many of the connections take part at a time, for Echo and
	// Paced; 0 is all of them. Which ones changes every Rotate (default: never).
	Active int           `json:"active,omitempty"`
	Rotate time.Duration `json:"rotate_ns,omitempty"`

	// Rate is the messages a second of the whole group, and Arrivals how they
	// are planned, for Paced and a Sender with a plan.
	Rate     float64  `json:"rate,omitempty"`
	Arrivals Arrivals `json:"arrivals,omitempty"`

	// SlowShare is the share of messages, 0 to 1, that ask the server for work
	// of SlowLeast to SlowMost, which is Work, in whole milliseconds up to 255. The
	// server has to run the workload slow, and every group that speaks to such a
	// server has a Work, also one whose SlowShare is 0: its messages begin with
	// two bytes that ask for nothing. Batches that ask are measured apart: see
	// Measured.Slow.
	SlowShare float64       `json:"slow_share,omitempty"`
	SlowLeast time.Duration `json:"slow_least_ns,omitempty"`
	SlowMost  time.Duration `json:"slow_most_ns,omitempty"`
	Work      Work          `json:"work,omitempty"`
}

// Role is what a connection does.
type Role string

const (
	// Echo is the closed loop: a batch, all of its answers, the next batch.
	Echo Role = "echo"
	// Paced is the open loop: batches at the times of a plan, however many are
	// still under way. Latency is from the planned time.
	Paced Role = "paced"
	// Idle connections are used once and wait.
	Idle Role = "idle"
	// Churn is connect, one batch, its answers, close; over and over, with Conns
	// of them under way.
	Churn Role = "churn"
	// Sender sends to a room, closed or, with a Rate, open; Listener hears what
	// is sent to it, and checks it.
	Sender   Role = "sender"
	Listener Role = "listener"
	// Mute connections send all they can, up to muteMost, and never read.
	Mute Role = "mute"
	// Trickle connections send a byte a second of one batch.
	Trickle Role = "trickle"
	// HTTP is Echo with a GET request of HTTP/1.1 as the message, kept alive;
	// what is checked is that every answer is 200 and has the same body.
	HTTP Role = "http"
)

// Arrivals is how planned times are spread.
type Arrivals string

const (
	// Fixed: at equal distances, with a phase by chance for each connection.
	Fixed Arrivals = "fixed"
	// Poisson: at exponentially distributed distances.
	Poisson Arrivals = "poisson"
)

// Work is what a slow message makes the server do.
type Work string

const (
	Blocking Work = "blocking" // wait, as for a disk
	CPU      Work = "cpu"      // calculate
)

// The first two bytes of a message to a server that runs the workload "slow":
// what to do, and for how many milliseconds. Of other messages both are zero.
const (
	SlowNothing  = 0
	SlowBlocking = 1
	SlowCPU      = 2
)

// Measured is what one group measured in one run.
type Measured struct {
	Group string `json:"group"`
	// Planned, Sent and Received count messages. For every role but Mute and
	// Trickle they are equal at the end of a run, or the run is void.
	// Of Listeners they count deliveries: due, due, and come.
	Planned  uint64 `json:"planned"`
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
	// Elapsed is from the first write to the last read.
	Elapsed time.Duration `json:"elapsed_ns"`

	// Latency is per batch: of a closed loop from before the write, of an open
	// one from the planned time, to the last byte's read. Of a Churn it is from
	// before the connect, of a Sender to the last delivery anywhere, of Listeners
	// to each delivery.
	//
	// Open loops have two more. SendLag is how late the generator was: from the
	// planned time to when it tried to write. Service is from when the kernel took
	// the first byte to the last byte's read. What is left between the two is time
	// in which the kernel took no more, as the server read too slowly.
	Latency Histogram `json:"latency,omitempty"`
	Service Histogram `json:"service,omitempty"`
	SendLag Histogram `json:"send_lag,omitempty"`
	// Slow is Latency of the messages that asked for work; they are not in Latency.
	Slow Histogram `json:"slow,omitempty"`
	// Connect is the time to establish a connection: of a Churn those of this
	// run, of the other roles those that Dial opened so far.
	Connect Histogram `json:"connect,omitempty"`
	// Skew is, for each message to a room, from the first to the last delivery.
	Skew Histogram `json:"skew,omitempty"`

	// PerConn counts the messages of each connection, and LongestWait is the
	// longest time that any of them waited for one answer.
	PerConn     []uint64      `json:"per_connection,omitempty"`
	LongestWait time.Duration `json:"longest_wait_ns,omitempty"`
	// Dropped is how many Mute and Trickle connections the server has ended so
	// far. Of other roles that is an error.
	Dropped int `json:"dropped,omitempty"`
	// GeneratorLimited: the 99th percentile of SendLag is over a tenth of that of
	// Latency, so that the figures are about the generator.
	GeneratorLimited bool `json:"generator_limited,omitempty"`
}

// Outcome is what a generator measured in one run.
type Outcome struct {
	Groups []Measured `json:"groups"`
	// CPU is the generator's own user and system time.
	CPU time.Duration `json:"cpu_ns"`
	// Void is why the figures must not be used; empty if they can be. After it, the
	// generator can only be closed.
	Void string `json:"void,omitempty"`
}

// Dialed is what a generator has connected so far.
type Dialed struct {
	// Conns are open; those of Churn groups are not among them.
	Conns int `json:"connections"`
	// Elapsed is how long the last Dial took.
	Elapsed time.Duration `json:"elapsed_ns"`
	// Connect is the time to establish one of them, over all groups.
	Connect Histogram `json:"connect,omitempty"`
	// Congestion is the congestion control of the connections: cubic where the
	// system has it, or else its default; empty where it does not tell.
	Congestion string `json:"congestion_control,omitempty"`
	// Sources is how many local addresses they come from, and Processes how many
	// processes hold them.
	Sources   int `json:"source_addresses"`
	Processes int `json:"processes"`
}

func (g Group) String() string { return fmt.Sprintf("%s: %d x %s", g.Name, g.Conns, g.Role) }

// ReadSpec reads a Spec from JSON. A key that is none is an error, since a limit
// that is misspelt would silently be none. Whether the load makes sense is for
// Check to say.
func ReadSpec(text []byte) (Spec, error) {
	var s Spec
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return s, d.Decode(&s)
}
