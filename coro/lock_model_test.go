package coro

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// mutexModel is a list of tasks. Each of them locks, and unlocks when it is told.
type mutexModel struct {
	*modelTest
	mutex   Mutex
	waiting []*call
	owner   *call
	unlock  map[*call]*Event
	told    bool // the owner is, and has not run yet
}

func TestMutexAgreesWithAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		onModelLoop(t, func(test *modelTest) {
			m := &mutexModel{modelTest: test, unlock: map[*call]*Event{}}
			t.Repeat(map[string]func(*rapid.T){
				"Lock":             func(*rapid.T) { m.lock() },
				"Unlock":           func(*rapid.T) { m.tell() },
				"one is cancelled": func(*rapid.T) { m.waiting = without(m.waiting, m.cancel()) },
				"TryLock and Unlock": func(t *rapid.T) {
					got, err := m.mutex.TryLock(m.ctx)
					require.NoError(t, err)
					require.Equal(t, m.owner == nil, got, "TryLock")
					if got {
						require.NoError(t, m.mutex.Unlock())
					} else {
						require.Equal(t, ErrNotOwner, m.mutex.Unlock(), "Unlock of another task's")
					}
				},
				"all run": func(*rapid.T) { m.ran(); m.settle() },
				"": func(t *rapid.T) {
					require.Equal(t, m.owner != nil, m.mutex.Stats().Owner != 0, "the mutex is held")
					require.Equal(t, len(m.waiting), live(t, &m.mutex.waiting.queueOf), "tasks that wait for it")
				},
			})
			for m.owner != nil {
				m.tell()
				m.ran()
				m.settle()
			}
			require.Equal(t, uint64(0), m.mutex.Stats().Owner, "the owner of a mutex that all have unlocked")
			require.Zero(t, m.mutex.Stats().Waiting, "left behind in the queue")
		})
	})
}

func (m *mutexModel) lock() {
	m.ran()
	now := new(Event)
	c := m.startThen(func(ctx context.Context) (any, error) { return nil, m.mutex.Lock(ctx) }, func(ctx context.Context) error {
		if now.Wait(ctx) != nil {
			return nil // the test has failed
		}
		return m.mutex.Unlock()
	})
	m.unlock[c] = now
	if m.owner == nil {
		m.owner = c
		c.finish(nil, nil)
	} else {
		m.waiting = append(m.waiting, c)
	}
}

func (m *mutexModel) tell() {
	if m.owner != nil {
		m.told = true
		require.NoError(m, m.unlock[m.owner].Set(m.ctx))
	}
}

// ran is what the tasks do as soon as they run: the owner, if it was told, hands
// over.
func (m *mutexModel) ran() {
	if !m.told {
		return
	}
	m.told, m.owner = false, nil
	if len(m.waiting) > 0 {
		m.owner, m.waiting = m.waiting[0], m.waiting[1:]
		m.owner.finish(nil, nil)
	}
}

func TestSemaphoreAgreesWithAModel(t *testing.T) {
	type request struct {
		*call
		n int
	}
	rapid.Check(t, func(t *rapid.T) {
		onModelLoop(t, func(m *modelTest) {
			capacity := rapid.IntRange(0, 5).Draw(t, "capacity")
			s := NewSemaphore(capacity)
			_, err := s.TryAcquire(m.ctx, 0) // from here on it is this loop's
			require.NoError(t, err)
			free := capacity
			var waiting []request
			grant := func() {
				for len(waiting) > 0 && waiting[0].n <= free {
					free -= waiting[0].n
					waiting[0].finish(nil, nil)
					waiting = waiting[1:]
				}
			}
			t.Repeat(map[string]func(*rapid.T){
				"Acquire": func(t *rapid.T) {
					n := rapid.IntRange(0, capacity).Draw(t, "n")
					waiting = append(waiting, request{m.start(func(ctx context.Context) (any, error) { return nil, s.Acquire(ctx, n) }), n})
					grant()
				},
				"TryAcquire": func(t *rapid.T) {
					n := rapid.IntRange(0, capacity).Draw(t, "n")
					got, err := s.TryAcquire(m.ctx, n)
					require.NoError(t, err)
					require.Equal(t, len(waiting) == 0 && n <= free, got, "TryAcquire of %d", n)
					if got {
						free -= n
					}
				},
				"Release": func(t *rapid.T) {
					n := rapid.IntRange(0, capacity).Draw(t, "n")
					err := s.Release(n)
					if n > capacity-free {
						require.ErrorIs(t, err, ErrNotOwner)
						return
					}
					require.NoError(t, err)
					free += n
					grant()
				},
				"one is cancelled": func(*rapid.T) {
					c := m.cancel()
					for i := range waiting {
						if waiting[i].call == c {
							waiting = append(waiting[:i:i], waiting[i+1:]...)
							break
						}
					}
					grant()
				},
				// Those behind a cancelled request get theirs when it leaves the queue.
				"all run": func(*rapid.T) {
					m.settle()
					require.Equal(t, free, s.Stats().Free, "units that are free")
					require.Equal(t, len(waiting), s.Stats().Waiting, "tasks that wait")
				},
			})
			m.end()
			require.Zero(t, s.Stats().Waiting, "left behind in the queue")
		})
	})
}

func TestCondAgreesWithAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		onModelLoop(t, func(m *modelTest) {
			var cond Cond
			var waiting []*call
			t.Repeat(map[string]func(*rapid.T){
				"Wait": func(*rapid.T) {
					waiting = append(waiting, m.start(func(ctx context.Context) (any, error) { return nil, cond.Wait(ctx) }))
				},
				"Signal": func(t *rapid.T) {
					require.NoError(t, cond.Signal(m.ctx))
					if len(waiting) > 0 {
						waiting[0].finish(nil, nil)
						waiting = waiting[1:]
					}
				},
				"Broadcast": func(t *rapid.T) {
					require.NoError(t, cond.Broadcast(m.ctx))
					for _, c := range waiting {
						c.finish(nil, nil)
					}
					waiting = nil
				},
				"one is cancelled": func(*rapid.T) { waiting = without(waiting, m.cancel()) },
				"all run":          func(*rapid.T) { m.settle() },
				"":                 func(t *rapid.T) { require.Equal(t, len(waiting), live(t, &cond.waiting.queueOf), "tasks that wait") },
			})
			m.end()
			require.Zero(t, cond.Stats().Waiting, "left behind in the queue")
		})
	})
}
