package exercise

import (
	"context"
	"errors"
	"time"

	"github.com/weft-go/weft/coro"
)

// tree is scopes inside scopes, with limits, shields, whims and panics: what was
// started inside has ended when its scope has.
func (k *kit) tree(ctx context.Context) error {
	err := k.branch(ctx, 0)
	if errors.Is(err, errWhim) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

const mostDeep = 4

func (k *kit) branch(ctx context.Context, depth int) error {
	r := k.run
	if depth == mostDeep {
		return k.leaf(ctx)
	}
	inside := func(ctx context.Context) error { return k.branch(ctx, depth+1) }
	switch r.rng.IntN(5) {
	case 0:
		return coro.Timeout(ctx, r.upTo(4*time.Millisecond), inside)
	case 1:
		return coro.Shield(ctx, inside)
	case 2:
		return k.leaf(ctx)
	}
	living, was := 0, context.Cause(ctx)
	err := coro.WithScope(ctx, func(s *coro.Scope) error {
		for range r.rng.IntN(4) {
			living++
			start := s.Go
			if r.chance(20) {
				start = s.Daemon
			}
			if err := start(func(ctx context.Context) error {
				defer func() { living-- }()
				return inside(ctx)
			}); err != nil {
				return err
			}
		}
		if r.chance(10) {
			return s.Cancel(errWhim)
		}
		return k.leaf(ctx)
	})
	if living != 0 {
		r.fail("%s: %d tasks outlive their scope", k.name, living)
	}
	if was != nil && err == nil && coro.Sleep(ctx, time.Millisecond) == nil {
		r.fail("%s: a Sleep in a cancelled scope has no error", k.name)
	}
	return err
}

func (k *kit) leaf(ctx context.Context) error {
	switch k.run.rng.IntN(12) {
	case 0:
		return errWhim
	case 1:
		panic(errWhim)
	}
	return k.pause(ctx)
}
