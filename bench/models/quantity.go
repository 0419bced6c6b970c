package models

import (
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/backend"
)

// The models, as result.Model names them.
const (
	Process   = "process"
	CProcess  = "C process"
	Thread    = "thread"
	Goroutine = "goroutine"
	Task      = "task"
	Callback  = "callback"
	// Prefork is a server's layout, and no unit: it is in crashes only.
	Prefork = "prefork"
	// Connection is no unit, either: what the kernel holds for one end of a TCP
	// connection, whoever serves it. It is in memory only.
	Connection = "connection"
)

// All is every model that has a unit, in the order of the tables.
var All = []string{CProcess, Process, Thread, Goroutine, Task, Callback}

// Named is all that figures are of, in the order of the tables.
var Named = append(slices.Clone(All), Prefork, Connection)

// The quantities. What is behind the slash tells figures of a kind apart.
const (
	Create       = "create"        // create one unit, run it to its end; us
	SwitchDirect = "switch/direct" // one hands over to the other; us
	SwitchQueued = "switch/queued" // to the next one in the run queue; us
	SwitchIO     = "switch/io"     // woken by a byte on a socket; us

	MemoryUser   = "memory/user"   // of a parked unit, Pss_Anon; B
	MemoryKernel = "memory/kernel" // of a parked unit: stacks, page tables, slab without caches; B
	// MemoryThreads is how many threads a process has when it is parked.
	MemoryThreads = "memory/threads"

	FitPrefix = "fit/" // how many one limit allows; the rest is the limit's name

	JobElapsed  = "elapsed"  // behind "job/cpu/" and its like; s
	JobLost     = "lost"     // share of the CPU time that one worker had not needed
	JobSwitches = "switches" // context switches that the kernel counted

	ShareLocal        = "share/loop-local"       // a plain variable of one loop's tasks; ns
	ShareMutex        = "share/mutex, one CPU"   // ns, for one increment by either of two users
	ShareContended    = "share/mutex, two CPUs"  // ns, for one increment by either of two users
	ShareAtomic       = "share/shared memory"    // ns, atomic, two processes on two CPUs
	ShareChannel      = "share/channel to owner" // ns
	SharePipe         = "share/pipe to owner"    // ns, an owner process
	SharePipeAnswered = "share/pipe with answer" // ns, the owner process says the new value

	OthersLost = "others lost" // behind "crash/panic/" and its like: a share of them
	OthersLate = "others late" // answered, but not at once: a share of them

	unitMicroseconds = "us"
	unitNanoseconds  = "ns"
	unitBytes        = "B"
	unitSeconds      = "s"
	unitOne          = "1"
)

// Job is a kind of work that workers share.
type Job string

const (
	JobCPU   Job = "cpu"   // computes
	JobIO    Job = "io"    // waits
	JobMixed Job = "mixed" // computes and waits in turn
)

// Jobs are all of them.
var Jobs = []Job{JobCPU, JobIO, JobMixed}

// Quantity names a figure of a job.
func (j Job) Quantity(figure string) string { return "job/" + string(j) + "/" + figure }

// Fault is what goes wrong in one handler of a server.
type Fault backend.Fault

// Faults are all of them.
var Faults = []Fault{Fault(backend.FaultPanic), Fault(backend.FaultKill), Fault(backend.FaultRunaway)}

func (f Fault) String() string { return backend.Fault(f).String() }

// Quantity names what became of the others: a share of them.
func (f Fault) Quantity(what string) string { return "crash/" + f.String() + "/" + what }

// Kind is the part of a quantity before the first slash: what one asks for on the
// command line.
func Kind(quantity string) string {
	kind, _, _ := strings.Cut(quantity, "/")
	return kind
}

// Kinds are all of them, in the order of the tables.
var Kinds = []string{"create", "switch", "memory", "fit", "job", "share", "crash"}
