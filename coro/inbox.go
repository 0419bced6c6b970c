package coro

import (
	"context"
	"fmt"
	"sync"
)

// Inbox carries values from any goroutine to the tasks of one loop. It is the one
// object of the sync kit that plain goroutines may use: TrySend, Send and Close
// from anywhere, Recv and Stats from tasks of the loop whose task receives first.
//
//	goroutines                 |  loop
//	                           |
//	TrySend -----.             |
//	              > [ v | v ] --> [ receiver | receiver ] --> Recv
//	Send --------'   the ring  |
//	 [ sender ]                |
//	 waits for room            |
//
// The values of one goroutine arrive in the order in which it sent them. A
// goroutine that finds receivers waiting posts one function to the loop, which
// wakes it if it sleeps; whoever comes before that function has run posts
// nothing. So a burst costs one wake-up, and a busy receiver none.
//
// Invariant: with a value in the ring and a task in the queue, deal is on its way.
//
// What nobody has received when the loop ends is lost; from then on, sending is
// reactor.ErrLoopClosed.
type Inbox[T any] struct {
	home home
	deal func() // hands out; made once, since it is posted often

	mu       sync.Mutex
	capacity int
	values   ring[T]
	senders  []*inboxSender[T] // goroutines that wait for room
	state    inboxState
	posted   bool          // deal is on its way to the loop
	wanted   int           // receivers waiting
	claimed  chan struct{} // closed when the loop is known
	owned    bool          // claimed is closed
	full     error

	sent, received, refused, posts uint64

	waiting line[T] // of the loop's tasks, each with a place for a value
}

// inboxState is where an Inbox is in its life.
//
//	open --Close--> closed
type inboxState uint8

const (
	inboxOpen   inboxState = iota
	inboxClosed            // takes nothing more; receivers get the rest
)

func (s inboxState) String() string { return [...]string{"open", "closed"}[s] }

// InboxStats is a look at an Inbox.
type InboxStats struct {
	Len, Cap         int
	Closed           bool
	SendersWaiting   int    // goroutines in Send
	ReceiversWaiting int    // tasks in Recv
	Sent             uint64 // values taken in
	Received         uint64 // values given to receivers
	Refused          uint64 // values not taken in, for want of room
	Posts            uint64 // functions posted to the loop by goroutines that send
}

// NewInbox makes an Inbox that holds up to capacity values. It panics if capacity
// is not positive.
func NewInbox[T any](capacity int) *Inbox[T] {
	if capacity <= 0 {
		panic("coro: NewInbox without a capacity")
	}
	in := &Inbox[T]{capacity: capacity, claimed: make(chan struct{})}
	in.deal = in.handOut
	in.full = fmt.Errorf("%w: it holds %d values", ErrInboxFull, capacity)
	return in
}

// Recv gives the oldest value; it suspends the task until there is one, first
// come, first served. Errors: ErrChanClosed when there will be none, the cause of
// ctx or of a cancelled scope, ErrWrongLoop, ErrNotTask, ErrNoLoop.
func (in *Inbox[T]) Recv(ctx context.Context) (T, error) {
	var v T
	t, err := in.home.begin(ctx)
	if err != nil {
		return v, err
	}
	if done, err := in.take(&v); done {
		return v, err
	}
	w := in.join(t)
	err = t.parkUnder(ctx, waitReceive)
	v, _ = in.leave(w)
	return v, err
}

// Close ends the sending, from any goroutine or task: receivers get what is
// there, and then ErrChanClosed; senders, those that wait included, get
// ErrChanClosed. Errors: ErrChanClosed from the second call on.
func (in *Inbox[T]) Close() error {
	in.mu.Lock()
	if in.state == inboxClosed {
		in.mu.Unlock()
		return ErrChanClosed
	}
	in.state = inboxClosed
	for len(in.senders) > 0 {
		in.finish(ErrChanClosed)
	}
	l := in.home.loop.Load()
	tell := in.wanted > 0 && !in.posted
	in.posted = in.posted || tell
	in.mu.Unlock()
	switch {
	case !tell:
	case l.onLoop():
		l.reactor.Schedule(scheduled(in.deal))
	default:
		l.deliver(in.deal)
	}
	return nil
}

// Stats is a look at the Inbox. Any goroutine may call it.
func (in *Inbox[T]) Stats() InboxStats {
	in.mu.Lock()
	defer in.mu.Unlock()
	return InboxStats{
		Len: in.values.len, Cap: in.capacity, Closed: in.state == inboxClosed,
		SendersWaiting: len(in.senders), ReceiversWaiting: in.wanted,
		Sent: in.sent, Received: in.received, Refused: in.refused, Posts: in.posts,
	}
}

// take receives into v without waiting, and reports whether that could be done.
// Those that have waited longer are served first.
func (in *Inbox[T]) take(v *T) (done bool, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.owned {
		in.owned = true
		close(in.claimed)
	}
	in.serve()
	switch {
	case in.values.len > 0:
		*v = in.pop()
		return true, nil
	case in.state == inboxClosed:
		return true, ErrChanClosed
	}
	return false, nil
}

// handOut is what is posted to the loop.
func (in *Inbox[T]) handOut() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.posted = false
	in.serve()
}

// serve gives values to the receivers that wait.
func (in *Inbox[T]) serve() {
	for in.values.len > 0 && in.waiting.head() != nil {
		in.waiting.complete(nil).value = in.pop()
	}
	if in.state == inboxClosed {
		in.waiting.completeAll(ErrChanClosed)
	}
	in.wanted = in.waiting.len
}

// pop takes the oldest value. The sender that has waited longest gets its place.
func (in *Inbox[T]) pop() T {
	v := in.values.pop()
	in.received++
	if len(in.senders) > 0 {
		in.values.push(in.finish(nil), in.capacity)
		in.sent++
	}
	return v
}

// join puts t into the queue. Since the caller's look a goroutine may have sent
// something and found nobody waiting, so that nothing is posted.
func (in *Inbox[T]) join(t *task) *waiterOf[T] {
	in.mu.Lock()
	defer in.mu.Unlock()
	var none T
	w := in.waiting.join(t, none)
	in.wanted = in.waiting.len
	if (in.values.len > 0 || in.state == inboxClosed) && !in.posted {
		in.posted = true
		t.loop().reactor.Schedule(scheduled(in.deal)) // it runs when the task has parked
	}
	return w
}

// scheduled is a function as a reactor.Runnable.
type scheduled func()

func (f scheduled) Run() { f() }

func (in *Inbox[T]) leave(w *waiterOf[T]) (v T, done bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	v, done = in.waiting.leave(w)
	in.wanted = in.waiting.len
	return v, done
}
