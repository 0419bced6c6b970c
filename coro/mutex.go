package coro

import "context"

// Mutex is held by one task of a loop at a time. The zero value is free. It
// belongs to the loop of the task that uses it first.
//
// Between two operations that may suspend no other task runs, so most code on a
// loop needs no lock. A Mutex is for what must stay whole across a wait: a
// request and its answer on a shared connection.
//
// It is handed over, first come, first served: Unlock makes the task that has
// waited longest the owner, before it runs. A task that ends while it holds a
// Mutex leaves it locked; Stats tells the owner. The plain way not to is a
// deferred Unlock.
//
// Errors of its methods: ErrWrongLoop, ErrNotTask, ErrNoLoop.
type Mutex struct {
	home    home
	owner   uint64 // a task's id; 0 is nobody
	waiting line[struct{}]
	locked  uint64
}

// MutexStats is a look at a Mutex.
type MutexStats struct {
	Owner   uint64 // the id of the task that holds it; 0 if it is free
	Waiting int    // tasks in Lock
	Locked  uint64 // times that it was locked
}

// Lock suspends the task until it holds m. Errors besides m's: ErrDeadlock if it
// does already, the cause of ctx or of a cancelled scope; then m is not held.
func (m *Mutex) Lock(ctx context.Context) error {
	t, err := m.home.begin(ctx)
	if err != nil {
		return err
	}
	switch m.owner {
	case 0:
		m.give(t)
		return nil
	case t.id:
		return ErrDeadlock
	}
	_, err = m.waiting.wait(ctx, t, waitLock, struct{}{}) // Unlock gives it to the task
	return err
}

// TryLock locks m if it is free, and reports whether. It never suspends. Errors
// besides m's: ErrDeadlock.
func (m *Mutex) TryLock(ctx context.Context) (bool, error) {
	t, err := m.home.task(ctx)
	if err != nil {
		return false, err
	}
	switch m.owner {
	case 0:
		m.give(t)
		return true, nil
	case t.id:
		return false, ErrDeadlock
	}
	return false, nil
}

// Unlock hands m to the task that has waited longest, or frees it. It never
// suspends, so it works in a cancelled scope. Errors besides m's: ErrNotOwner if
// the task does not hold m.
func (m *Mutex) Unlock() error {
	t, err := m.home.caller()
	if err != nil {
		return err
	}
	if m.owner != t.id {
		return ErrNotOwner
	}
	m.owner = 0
	if w := m.waiting.complete(nil); w != nil {
		m.give(w.task)
	}
	return nil
}

// Stats is a look at the Mutex; call it from a task of its loop.
func (m *Mutex) Stats() MutexStats { return MutexStats{m.owner, m.waiting.len, m.locked} }

func (m *Mutex) give(t *task) {
	m.owner = t.id
	m.locked++
}
