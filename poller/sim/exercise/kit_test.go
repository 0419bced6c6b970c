package exercise

import (
	"context"
	"errors"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
)

// kit is a program of tasks that wait for one another, and give up all the time.
type kit struct {
	run  *run
	name string
	sys  *system

	values  *coro.Chan[int]
	sent    map[int]bool // values that were sent, and not received yet
	sending int          // producers that have not finished
	mutex   coro.Mutex
	holders int
	places  *coro.Semaphore
	taken   int
	cond    coro.Cond
	tokens  int
	started coro.Event
	news    *coro.Broadcast[int]
	inbox   *coro.Inbox[int]
	latest  *coro.Watch[int]
}

const mostPlaces = 3

func (r *run) kitProgram(name string) func(poller.OS) error {
	return r.loop(name, func(ctx context.Context, s *system) error {
		k := &kit{run: r, name: name, sys: s, values: coro.NewChan[int](r.rng.IntN(3)), sent: map[int]bool{},
			places: coro.NewSemaphore(mostPlaces), news: coro.NewBroadcast[int](4), inbox: coro.NewInbox[int](4), latest: coro.NewWatch(0)}
		err := coro.WithScope(ctx, k.populate)
		if err == nil {
			k.settle()
		}
		return err
	})
}

// populate starts the tasks. Of each kind that others rely on one never gives up.
func (k *kit) populate(s *coro.Scope) error {
	r := k.run
	roles := []func(context.Context) error{k.consume, k.report, k.follow, k.tree}
	k.sending = 1 + r.rng.IntN(3)
	for i := range k.sending {
		roles = append(roles, func(ctx context.Context) error { return k.produce(ctx, i) })
	}
	for range r.rng.IntN(4) {
		roles = append(roles, k.consumeImpatiently)
	}
	for range 1 + r.rng.IntN(4) {
		roles = append(roles, k.lock, k.take, k.listen)
	}
	pairs := 1 + r.rng.IntN(4)
	for range pairs {
		roles = append(roles, k.wait, k.signal)
	}
	r.rng.Shuffle(len(roles), func(i, j int) { roles[i], roles[j] = roles[j], roles[i] })
	for _, role := range roles {
		if err := s.Go(role); err != nil {
			return err
		}
	}
	return nil
}

// tries does something again and again, each time with some patience, until it
// is done; the last try has no end.
func (k *kit) tries(ctx context.Context, do func(ctx context.Context) error) error {
	for range k.run.rng.IntN(4) {
		err := coro.Timeout(ctx, k.while(3*time.Millisecond), do)
		if !impatient(ctx, err) {
			return err
		}
	}
	return do(ctx)
}

// while is a short time, and often as long as others' are, so that ends of
// patience and what was waited for come in one turn.
func (k *kit) while(most time.Duration) time.Duration {
	d := k.run.upTo(most)
	if k.run.chance(70) {
		d = d.Truncate(500 * time.Microsecond)
	}
	return d
}

// pause lets others run: for a turn, for a time, or not at all.
func (k *kit) pause(ctx context.Context) error {
	switch k.run.rng.IntN(3) {
	case 0:
		return coro.Yield(ctx)
	case 1:
		d, begin := k.while(2*time.Millisecond), k.sys.Now()
		err := coro.Sleep(ctx, d)
		if slept := k.sys.Now() - begin; err == nil && slept < d {
			k.run.fail("%s: Sleep(%v) took %v", k.name, d, slept)
		}
		return err
	}
	return nil
}

func (k *kit) produce(ctx context.Context, number int) error {
	for i := range k.run.rng.IntN(20) {
		v := number*1000 + i
		k.sent[v] = true // a receiver may run first
		if err := k.tries(ctx, func(ctx context.Context) error { return k.values.Send(ctx, v) }); err != nil {
			return err
		}
		if err := k.pause(ctx); err != nil {
			return err
		}
	}
	if k.sending--; k.sending == 0 {
		return k.values.Close(ctx)
	}
	return nil
}

func (k *kit) got(v int) {
	if !k.sent[v] {
		k.run.fail("%s: value %d was received and not sent, or twice", k.name, v)
	}
	delete(k.sent, v)
}

func (k *kit) consume(ctx context.Context) error {
	for {
		var v int
		err := k.tries(ctx, func(ctx context.Context) (err error) {
			v, err = k.values.Recv(ctx)
			return err
		})
		if errors.Is(err, coro.ErrChanClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		k.got(v)
		if err := k.pause(ctx); err != nil {
			return err
		}
	}
}

// consumeImpatiently receives by Select, among other things, and leaves early.
func (k *kit) consumeImpatiently(ctx context.Context) error {
	for range k.run.rng.IntN(10) {
		var v int
		chosen, err := coro.Select(ctx, k.values.RecvCase(&v), coro.After(k.while(time.Millisecond)), k.inbox.RecvCase(nil))
		if err != nil || chosen == 2 {
			return nil // closed, or the end of the inbox
		}
		if chosen == 0 {
			k.got(v)
		}
	}
	return nil
}

func (k *kit) lock(ctx context.Context) error {
	for range k.run.rng.IntN(6) {
		if err := k.tries(ctx, k.mutex.Lock); err != nil {
			return err
		}
		if k.holders++; k.holders != 1 {
			k.run.fail("%s: %d tasks hold the mutex", k.name, k.holders)
		}
		err := k.pause(ctx)
		k.holders--
		if err := errors.Join(err, k.mutex.Unlock()); err != nil {
			return err
		}
	}
	return nil
}

func (k *kit) take(ctx context.Context) error {
	for range k.run.rng.IntN(6) {
		n := 1 + k.run.rng.IntN(mostPlaces)
		if err := k.tries(ctx, func(ctx context.Context) error { return k.places.Acquire(ctx, n) }); err != nil {
			return err
		}
		if k.taken += n; k.taken > mostPlaces {
			k.run.fail("%s: %d places of %d are taken", k.name, k.taken, mostPlaces)
		}
		err := k.pause(ctx)
		k.taken -= n
		if err := errors.Join(err, k.places.Release(n)); err != nil {
			return err
		}
	}
	return nil
}

// signal and wait come in pairs: a token that is signalled to one waiter, and no
// other one looks.
func (k *kit) signal(ctx context.Context) error {
	if err := k.started.Wait(ctx); err != nil {
		return err
	}
	if err := k.pause(ctx); err != nil {
		return err
	}
	k.tokens++
	return k.cond.Signal(ctx)
}

func (k *kit) wait(ctx context.Context) error {
	if err := k.started.Set(ctx); err != nil {
		return err
	}
	for k.tokens == 0 { // looked at again also after a wait that was cut short
		wait := k.cond.Wait
		if k.run.chance(50) {
			wait = func(ctx context.Context) error {
				return coro.Timeout(ctx, k.while(3*time.Millisecond), k.cond.Wait)
			}
		}
		if err := wait(ctx); err != nil && !impatient(ctx, err) {
			return err
		}
	}
	k.tokens--
	return nil
}

// report is news for the broadcast, the watch and, from a goroutine, the inbox.
func (k *kit) report(ctx context.Context) error {
	for n := range 10 {
		if err := errors.Join(k.news.Send(ctx, n), k.latest.Set(ctx, n)); err != nil {
			return err
		}
		if k.run.chance(20) {
			if _, err := coro.Blocking(ctx, func() (int, error) { return n, k.inbox.TrySend(n) }); err != nil && !errors.Is(err, coro.ErrInboxFull) {
				return err
			}
		}
		if err := k.pause(ctx); err != nil {
			return err
		}
	}
	_ = k.inbox.Close()
	return errors.Join(k.news.Close(ctx), k.latest.Close(ctx))
}

// listen counts the news: what it gets and what it is told it lost come in order,
// and are all.
func (k *kit) listen(ctx context.Context) error {
	subscription, err := k.news.Subscribe(ctx)
	if err != nil {
		if errors.Is(err, coro.ErrChanClosed) {
			return nil
		}
		return err
	}
	defer func() { _ = subscription.Close() }()
	next := -1
	for {
		var n int
		err := k.tries(ctx, func(ctx context.Context) (err error) {
			n, err = subscription.Recv(ctx)
			return err
		})
		var lagged *coro.LaggedError
		switch {
		case errors.As(err, &lagged):
			if next >= 0 {
				next += int(lagged.Lost)
			}
			continue
		case errors.Is(err, coro.ErrChanClosed):
			if next >= 0 && next != 10 {
				k.run.fail("%s: the news end before number %d", k.name, next)
			}
			return nil
		case err != nil:
			return err
		case next >= 0 && n != next:
			k.run.fail("%s: number %d of the news, want %d", k.name, n, next)
		}
		next = n + 1
		if err := k.pause(ctx); err != nil {
			return err
		}
	}
}

// follow sees the latest value get newer, and the last one.
func (k *kit) follow(ctx context.Context) error {
	var seen uint64
	last := -1
	for {
		var v int
		var version uint64
		err := k.tries(ctx, func(ctx context.Context) (err error) {
			v, version, err = k.latest.Changed(ctx, seen)
			return err
		})
		if errors.Is(err, coro.ErrChanClosed) {
			if last != 9 {
				k.run.fail("%s: the watch ends with %d, want 9", k.name, last)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if version <= seen || v < last {
			k.run.fail("%s: version %d of the watch after %d", k.name, version, seen)
		}
		seen, last = version, v
	}
}

// settle looks for what the tasks have left behind.
func (k *kit) settle() {
	if len(k.sent) > 0 {
		k.run.fail("%s: %d values were sent and never received", k.name, len(k.sent))
	}
	if k.tokens > 0 {
		k.run.fail("%s: %d tokens are left", k.name, k.tokens)
	}
	c, m, p := k.values.Stats(), k.mutex.Stats(), k.places.Stats()
	if n := c.SendersWaiting + c.ReceiversWaiting + m.Waiting + p.Waiting + k.cond.Stats().Waiting; n > 0 || m.Owner != 0 || p.Free != mostPlaces {
		k.run.fail("%s: left behind: %d waiters, owner %d of the mutex, %d free places", k.name, n, m.Owner, p.Free)
	}
}
