package exercise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// goroutineSeeds is how many worlds are tried.
//
// Bound: each is a bubble, which takes some milliseconds.
const goroutineSeeds = 200

// Goroutines are no programs, so the worlds of seeds have none. In a bubble the
// clock waits for them: what an Inbox promises to them is exercised there. Runs of
// one seed are not the same run when two goroutines run at one moment.
func TestInboxLosesNothingThatGoroutinesSend(t *testing.T) {
	for seed := range uint64(goroutineSeeds) {
		dials := sim.Freedoms()
		sim.Config{Seed: seed, Dials: dials}.Test(t, func(t *testing.T, w *sim.World) {
			newCrowd(t, w).play()
		})
		if t.Failed() {
			return
		}
	}
}

// crowd is goroutines that send to one loop.
type crowd struct {
	t     *testing.T
	w     *sim.World
	inbox *coro.Inbox[letter]
	next  []int // by sender, of those received
	sent  []int // by sender
}

// letter is a value of one sender, with its number.
type letter struct{ sender, number int }

func newCrowd(t *testing.T, w *sim.World) *crowd {
	senders := 1 + w.Rand().IntN(5)
	return &crowd{t: t, w: w, inbox: coro.NewInbox[letter](1 + w.Rand().IntN(3)), next: make([]int, senders), sent: make([]int, senders)}
}

func (c *crowd) play() {
	var senders sync.WaitGroup
	for i := range c.sent {
		// What is drawn is drawn here: the world's source belongs to its programs.
		pause, patience := c.upTo(3*time.Millisecond), c.upTo(5*time.Millisecond)
		senders.Go(func() { c.send(i, pause, patience) })
	}
	go func() {
		senders.Wait()
		_ = c.inbox.Close()
	}()
	c.w.Host("host").Go("receive", func(os poller.OS) error {
		o := reactor.Options{OS: os, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
		return coro.Config{Reactor: o}.Run(context.Background(), c.receive)
	})
	if err := c.w.Run(); err != nil {
		c.t.Error(err)
	}
	for i := range c.sent {
		if c.next[i] != c.sent[i] {
			c.t.Errorf("%d values of goroutine %d were received, %d sent", c.next[i], i, c.sent[i])
		}
	}
}

// send sends with some patience, again and again.
func (c *crowd) send(sender int, pause, patience time.Duration) {
	for range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := c.inbox.Send(ctx, letter{sender, c.sent[sender]})
		cancel()
		if err == nil {
			c.sent[sender]++
		} else if !errors.Is(err, context.DeadlineExceeded) {
			c.t.Errorf("goroutine %d: %v", sender, err)
		}
		time.Sleep(pause)
	}
}

// receive takes what comes, as slowly as it likes, and breaks off in between.
func (c *crowd) receive(ctx context.Context) error {
	for {
		var l letter
		err := coro.Timeout(ctx, c.upTo(2*time.Millisecond), func(ctx context.Context) (err error) {
			l, err = c.inbox.Recv(ctx)
			return err
		})
		switch {
		case errors.Is(err, coro.ErrChanClosed):
			return nil
		case impatient(ctx, err):
			continue
		case err != nil:
			return err
		}
		if l.number != c.next[l.sender] {
			return fmt.Errorf("value %d of goroutine %d, want %d", l.number, l.sender, c.next[l.sender])
		}
		c.next[l.sender]++
		if err := coro.Sleep(ctx, c.upTo(2*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (c *crowd) upTo(d time.Duration) time.Duration {
	return time.Duration(c.w.Rand().Int64N(int64(d) + 1))
}
