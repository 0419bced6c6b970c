package coro

import (
	"context"
	"fmt"
	"sync"
)

// SetName names the calling task, up to its end or the next call; an empty name
// takes it back. It is what Tasks, Dump, the watchdog, PanicError and the
// profiler's labels call the task besides its number. It costs a map entry, which
// tasks without a name do not pay for. It does not suspend. Errors: ErrNotTask,
// ErrNoLoop.
func SetName(ctx context.Context, name string) error {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	l := t.loop()
	l.names.set(t.id, name)
	if l.labels != nil {
		l.labels.put(t)
	}
	return nil
}

// taskNames are the names of a loop's tasks, by number: most tasks have none, and
// a field of each would be 16 bytes.
//
// Invariant: the loop alone writes, so it may ask for the length without the
// lock, which is for the watchdog's goroutine.
type taskNames struct {
	mu   sync.Mutex
	byID map[uint64]string
}

func (n *taskNames) set(id uint64, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name == "" {
		delete(n.byID, id)
		return
	}
	if n.byID == nil {
		n.byID = make(map[uint64]string)
	}
	n.byID[id] = name
}

func (n *taskNames) get(id uint64) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byID[id]
}

func (t *task) name() string { return t.loop().names.get(t.id) }

// quoted is a name as part of a sentence, with the space after it; nothing is
// nothing.
func quoted(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%q ", name)
}
