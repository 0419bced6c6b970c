package backend

import (
	"crypto/sha256"
	"io"
	"net"
	"sync"
	"time"

	"github.com/weft-go/weft/bench/load"
)

// workOf is what a message of the workload Slow asks for; nil if nothing. It is
// called where the connection is served, which is where a Fault happens.
func workOf(message []byte) func() {
	Fault(message[0]).happen(message[1])
	d := time.Duration(message[1]) * time.Millisecond
	switch message[0] {
	case load.SlowBlocking:
		return func() { sleepInKernel(d) }
	case load.SlowCPU:
		return func() { calculate(d) }
	}
	return nil
}

// answerSlow serves the workload Slow on one connection. Run does a message's work
// and returns when it is done.
func answerSlow(c net.Conn, run func(work func()) error) error {
	for {
		if err := answerSlowMessage(c, run); err != nil {
			return err
		}
	}
}

func answerSlowMessage(c net.Conn, run func(work func()) error) error {
	var message [SlowSize]byte
	if _, err := io.ReadFull(c, message[:]); err != nil {
		return err
	}
	if work := workOf(message[:]); work != nil {
		if err := run(work); err != nil {
			return err
		}
	}
	_, err := c.Write(message[:])
	return err
}

// inline does the work where it is asked for.
func inline(work func()) error {
	work()
	return nil
}

// calculate keeps a processor busy for about d, were it alone on it.
func calculate(d time.Duration) {
	rounds := int(float64(d) / float64(timePerRound()))
	for range rounds {
		calculateRound()
	}
}

// roundBytes is what one round of calculate hashes.
//
// Bound: some 10 us, so that rounds divide a millisecond well and the measurement
// of one is not about the clock.
const roundBytes = 8 << 10

func calculateRound() {
	var block [roundBytes]byte
	_ = sha256.Sum256(block[:])
}

// Prepare does what a server process has to do once for a workload, before it listens:
// else the first message that asks a process to calculate would wait for it as well,
// and a server with a process per connection has as many first messages.
func Prepare(w Workload) {
	if w == Slow {
		timePerRound()
	}
}

// timePerRound is measured once: work that is given as a time would not be work, if
// it ended with the time, whether a processor was there or not.
var timePerRound = sync.OnceValue(func() time.Duration {
	const tries, rounds = 10, 100
	best := time.Hour
	for range tries {
		start := time.Now()
		for range rounds {
			calculateRound()
		}
		best = min(best, time.Since(start)/rounds)
	}
	return max(best, 1)
})
