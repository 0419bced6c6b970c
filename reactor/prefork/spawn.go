package prefork

import (
	"os"
	"runtime"
	"time"
)

// spawner starts processes, all of them from one thread, which lives until the
// last one has ended.
//
// Quirk(linux): a worker is killed when the thread that started it ends, which for
// a thread of Go's runtime can be any time. So it is one that is ours alone.
type spawner struct {
	requests chan spawnRequest
}

type spawnRequest struct {
	start func() (int, error)
	reply chan spawned
}

type spawned struct {
	pid int
	err error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest)}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread() // all have ended, so the thread may live
		for r := range s.requests {
			pid, err := r.start()
			r.reply <- spawned{pid, err}
		}
	}()
	return s
}

// close ends the thread. The workers must have ended.
func (s *spawner) close() { close(s.requests) }

// spawn starts this program, or the one at path, as in says, and gives it its end
// of a link. The link's other end is returned.
func (s *spawner) spawn(path string, in inherited, sockets []*socket) (*os.Process, *link, error) {
	for _, k := range sockets {
		in.Listeners = append(in.Listeners, k.Address)
	}
	env, err := environment(in)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	defer closeFD(theirs)
	l, err := newLink(ours, in.MaxMessage)
	if err != nil {
		return nil, nil, err
	}
	files := []uintptr{0, 1, 2, uintptr(theirs)}
	for _, k := range sockets {
		files = append(files, uintptr(k.fd))
	}
	reply := make(chan spawned, 1)
	s.requests <- spawnRequest{func() (int, error) {
		return forkExec(path, os.Args, env, files, in.role == roleWorker)
	}, reply}
	got := <-reply
	if got.err != nil {
		l.close()
		return nil, nil, got.err
	}
	p, err := os.FindProcess(got.pid) // our own child, not waited for: it is there
	if err != nil {
		l.close()
		return nil, nil, err
	}
	return p, l, nil
}

// exit is how a process ended.
type exit struct {
	state *os.ProcessState
	err   error
	at    time.Time
}

func (e exit) String() string {
	if e.err != nil {
		return e.err.Error()
	}
	return e.state.String() // "exit status 1", "signal: killed"
}
