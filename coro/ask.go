package coro

import (
	"context"
	"slices"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// What belongs to a loop is looked at on the loop: a question is posted, and
// answered between two tasks. One that asks all loops waits for the answers,
//
//	a plain goroutine         on its channels
//	a task                    parked: a helper asks, its own loop included, so
//	                          that two loops that ask each other both answer
//	a task of a simulation    parked, and asks its own loop: it is the only one of
//	                          its machine, and goroutines are not simulated
//	a loop's own goroutine    not at all: it looks at its own loop, at once, and
//	                          at no other
//
// and for no longer than patience.

// patience is how long a loop may take to answer.
//
// Bound: ten times the watchdog's limit. A loop that needs longer is the news.
const patience = time.Second

// answer is what a loop said, or what could be seen of it from outside when it
// said nothing.
type answer[T any] struct {
	loop   *loop
	said   T
	silent bool
	seen   glimpse          // if silent
	doing  reactor.Activity // if silent
}

// askLoops puts a question to all loops, and gives digest the answers in the
// order of the loops' numbers. Those that end meanwhile are left out. What digest
// does takes time: for a task, the helper does it.
func askLoops[T any](question func(*loop) T, digest func([]answer[T])) {
	t, on := callingLoop()
	if on == nil {
		digest(askAll(question))
		return
	}
	if t == nil {
		digest([]answer[T]{{loop: on, said: question(on)}})
		return
	}
	if _, simulated := on.reactor.OS().(poller.Simulated); simulated {
		var said T
		on.tell(func() {
			said = question(on)
			t.wake(nil)
		})
		_ = t.park(waitAnswers)
		digest([]answer[T]{{loop: on, said: said}})
		return
	}
	on.helpers.Add(1)
	go func() {
		defer on.helpers.Done()
		digest(askAll(question))
		on.deliver(func() { t.wake(nil) })
	}()
	_ = t.park(waitAnswers) // not to be cancelled: it is over soon
}

func askAll[T any](question func(*loop) T) []answer[T] {
	all := loops.all()
	replies := make([]chan T, len(all))
	for i, l := range all {
		reply := make(chan T, 1)
		switch err := l.reactor.Post(func() { reply <- question(l) }); err {
		case nil:
			replies[i] = reply
		case reactor.ErrLoopClosed:
			all[i] = nil
		} // a queue that is full is no answer either
	}
	limit, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var answers []answer[T]
	for i, l := range all {
		if l == nil {
			continue
		}
		if said, ok := await(limit, replies[i], l); ok {
			answers = append(answers, answer[T]{loop: l, said: said})
		} else if !l.hasEnded() {
			answers = append(answers, answer[T]{loop: l, silent: true, seen: l.glimpse(), doing: l.reactor.Activity()})
		}
	}
	return answers
}

// await waits for a reply, unless the loop has ended. What has come counts,
// though the time is over.
func await[T any](limit context.Context, reply chan T, l *loop) (said T, ok bool) {
	if reply == nil {
		return said, false
	}
	select {
	case said = <-reply:
		return said, true
	case <-l.done:
	case <-limit.Done():
	}
	select {
	case said = <-reply:
		return said, true
	default:
		return said, false
	}
}

// callingLoop is the loop whose task is calling, or on whose goroutine the caller
// runs outside of a task; nil for everybody else.
func callingLoop() (*task, *loop) {
	loops.mu.RLock()
	defer loops.mu.RUnlock()
	for l := range loops.set {
		if l.onLoop() {
			return l.currentTask(), l
		}
	}
	return nil, nil
}

// all are the loops that run now, by number.
func (s *loopSet) all() []*loop {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*loop, 0, len(s.set))
	for l := range s.set {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *loop) int { return a.number - b.number })
	return all
}
