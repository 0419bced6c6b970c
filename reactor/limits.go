package reactor

import (
	"time"

	"github.com/weft-go/weft/poller"
)

// Limits are the budgets of a loop's phases. What is over a budget is not
// dropped: it is carried to the next turn, which comes at once. A field left
// zero has the default named beside it.
type Limits struct {
	// EventsPerWait is the most events one wait returns. 256: one batch and
	// the sources it names stay in the second-level cache, and the wait's cost
	// is 1/256 of a system call for each of them.
	EventsPerWait int

	// TasksPerTurn is the most tasks and posted functions one turn runs before
	// it looks at the descriptors again. 256: at 100 ns each, 25 us.
	TasksPerTurn int

	// TimersPerTurn is the most timers and, separately, the most deadlines
	// that fire in one turn. 1024.
	TimersPerTurn int

	// AcceptsPerTurn is the most connections one listener takes in one turn.
	// 64: an accept costs about as much as an echo.
	AcceptsPerTurn int

	// BytesPerTurn is the most bytes one connection reads, and the most it
	// writes, in one turn. 256 KiB: four full read buffers, some 50 us, which
	// is how long a firehose may hold up everybody else.
	BytesPerTurn int

	// ReadBuffer is the size of the buffer that all connections of the loop
	// read into, one after the other. 64 KiB: larger gains nothing on
	// loopback, and this fits the second-level cache.
	ReadBuffer int

	// MaxPosted is the most posted functions that may wait for the loop; Post
	// returns ErrPostQueueFull beyond it. 1 048 576: 24 MiB of entries.
	MaxPosted int

	// FreeChunks is the most unused output chunks (4 KiB each) the loop keeps.
	// 1024: 4 MiB.
	FreeChunks int
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.EventsPerWait, 256)
	orDefault(&l.TasksPerTurn, 256)
	orDefault(&l.TimersPerTurn, 1024)
	orDefault(&l.AcceptsPerTurn, 64)
	orDefault(&l.BytesPerTurn, 256<<10)
	orDefault(&l.ReadBuffer, 64<<10)
	orDefault(&l.MaxPosted, 1<<20)
	orDefault(&l.FreeChunks, 1024)
	return l
}

// ConnOptions are the marks of a connection. A field left zero has the default
// named beside it.
type ConnOptions struct {
	poller.SocketOptions

	// HighWater is the number of bytes waiting to be written above which the
	// connection is no longer read. 64 KiB.
	HighWater int

	// LowWater is the number below which it is read again, and OnWritable is
	// called. A quarter of HighWater.
	LowWater int

	// HardLimit is the number above which the connection is closed with
	// ErrSlowConsumer. 16 MiB.
	HardLimit int

	// MaxUnconsumed is the most bytes that are kept for a handler which does
	// not consume them; beyond it the connection is closed with
	// ErrInputLimit. 1 MiB.
	MaxUnconsumed int

	// DrainTimeout is the time Close has to send what is queued, and to see
	// the peer's end of stream. 5 s.
	DrainTimeout time.Duration
}

func (o ConnOptions) withDefaults() *ConnOptions {
	orDefault(&o.HighWater, 64<<10)
	orDefault(&o.LowWater, o.HighWater/4)
	o.LowWater = min(o.LowWater, o.HighWater)
	orDefault(&o.HardLimit, max(16<<20, o.HighWater))
	orDefault(&o.MaxUnconsumed, 1<<20)
	orDefault(&o.DrainTimeout, 5*time.Second)
	return &o
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
