package models

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// words are what two threads, or two processes, have in common.
type words struct {
	// turn is whose it is: the probe's (0) or the other side's (1). It is the futex.
	turn atomic.Uint32
	// stop tells the other side to end, at its next turn.
	stop atomic.Uint32
	_    [56]byte // the counter has a cache line of its own
	// counter and the two that count in it.
	counter atomic.Uint64
	// begin lets both start at the same time.
	begin atomic.Uint32
}

const (
	probesTurn = 0
	othersTurn = 1
)

// futex operations, without FUTEX_PRIVATE_FLAG: the words may be in two processes.
const (
	futexWait = 0
	futexWake = 1
)

// pass hands the turn over.
//
// RawSyscall, here and in all that is measured about threads: Go's scheduler is not
// to know that the thread waits, or it would be measured too. The caller has a
// processor of Go's for each thread (see rawThreads).
func (w *words) pass(to uint32) {
	w.turn.Store(to)
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&w.turn)), futexWake, 1, 0, 0, 0)
}

// await waits for the turn. A wait that ends early, for a signal or because the turn
// has come meanwhile, is looked at again.
func (w *words) await(turn uint32) {
	for w.turn.Load() != turn {
		_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&w.turn)), futexWait, uintptr(1-turn), 0, 0, 0)
	}
}

// wordsBytes is a page: what a mapping is made of.
const wordsBytes = 4096

// newSharedWords makes words in memory that another process can have too, by file.
func newSharedWords() (w *words, file *os.File, err error) {
	fd, err := unix.MemfdCreate("words", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, os.NewSyscallError("memfd_create", err)
	}
	file = os.NewFile(uintptr(fd), "words")
	if err := file.Truncate(wordsBytes); err != nil {
		file.Close()
		return nil, nil, err
	}
	if w, err = sharedWords(fd); err != nil {
		file.Close()
		return nil, nil, err
	}
	return w, file, nil
}

// sharedWords maps them. The mapping stays until the process ends, which it does
// when the probe has been measured.
//
// The conversion is valid because the mapping is a page, is aligned to one, and is
// no memory of Go's collector, which words hold no pointers to.
func sharedWords(fd int) (*words, error) {
	page, err := unix.Mmap(fd, 0, wordsBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return (*words)(unsafe.Pointer(unsafe.SliceData(page))), nil
}

// inherited is the first descriptor that a unit was started with.
const inherited = 3

// rawThreads lets threads wait in the kernel without the knowledge of Go's
// scheduler: each keeps a processor of Go's meanwhile, and no collection begins,
// which would wait for them. Undo it with what it returns.
func rawThreads() (undo func()) {
	const processors = 4 // two threads that wait, and what else Go has to do
	procs, percent := runtime.GOMAXPROCS(processors), debug.SetGCPercent(-1)
	return func() {
		runtime.GOMAXPROCS(procs)
		debug.SetGCPercent(percent)
	}
}
