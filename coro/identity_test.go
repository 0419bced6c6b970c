package coro

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// identities are the ways there are; the second one serves the architectures for
// which there is no assembly.
var identities = map[string]func() uintptr{"currentG": currentG, "goroutineNumber": goroutineNumber}

func TestIdentityDiffersBetweenGoroutines(t *testing.T) {
	for name, identity := range identities {
		t.Run(name, func(t *testing.T) {
			const n = 200
			var mu sync.Mutex
			seen := map[uintptr]bool{identity(): true}
			release := make(chan struct{})
			var here, all sync.WaitGroup
			here.Add(n)
			for range n {
				all.Go(func() { // all of them alive at the same time
					mu.Lock()
					seen[identity()] = true
					mu.Unlock()
					here.Done()
					<-release
				})
			}
			here.Wait()
			require.Len(t, seen, n+1, "identities of as many goroutines")
			require.NotContains(t, seen, uintptr(0), "0 stands for nobody")
			close(release)
			all.Wait()
		})
	}
}

//go:noinline
func grow(depth int) byte {
	var frame [1 << 10]byte
	if depth > 0 {
		frame[depth] = grow(depth - 1)
	}
	return frame[depth]
}

func TestIdentityIsStable(t *testing.T) {
	for name, identity := range identities {
		t.Run(name, func(t *testing.T) {
			t.Run("while the stack grows and moves", func(t *testing.T) {
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					before := identity()
					grow(500)
					require.Equal(t, before, identity())
				}()
				wait(t, ended, "a goroutine whose stack grows")
			})
			t.Run("from one resume of a task to the next, and over collections", func(t *testing.T) {
				require.NoError(t, Config{StallLimit: -1}.Run(t.Context(), func(ctx context.Context) error {
					return WithScope(ctx, func(s *Scope) error {
						seen := map[uintptr]bool{}
						for range 20 {
							require.NoError(t, s.Go(func(ctx context.Context) error {
								before := identity()
								seen[before] = true
								for range 5 {
									require.NoError(t, Yield(ctx))
									runtime.GC()
									grow(100)
									require.Equal(t, before, identity())
								}
								return nil
							}))
						}
						for range 10 {
							require.NoError(t, Yield(ctx))
						}
						require.Len(t, seen, 20, "identities of as many tasks")
						return nil
					})
				}))
			})
		})
	}
}

func TestStackTraceHeaderIsParsed(t *testing.T) {
	for trace, want := range map[string]uintptr{
		"goroutine 7 [running]:\nmain.main()": 7,
		"goroutine 4294967290 [running":       4294967290,
	} {
		got, err := parseGoroutine([]byte(trace))
		require.NoError(t, err, "parse %q", trace)
		require.Equal(t, want, got, "parse %q", trace)
	}
	for _, trace := range []string{"", "goroutine", "goroutine ", "goroutine 7", "goroutine x [running]:", "task 7 [running]:", "goroutine -1 [running]:"} {
		_, err := parseGoroutine([]byte(trace))
		require.Error(t, err, "parse %q", trace)
	}
}

// A task is found by identity, so a context from further out does no harm, and
// one from another loop is refused.
func TestTasksAreFoundByIdentity(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(outer context.Context) error {
		main, err := currentTaskOf(outer)
		require.NoError(t, err)
		require.NoError(t, WithScope(outer, func(s *Scope) error {
			return s.Go(func(ctx context.Context) error {
				mine, err := currentTaskOf(ctx)
				require.NoError(t, err)
				require.True(t, mine != main, "the task of another coroutine: got main")
				found, err := currentTaskOf(outer)
				require.NoError(t, err)
				require.True(t, found == mine, "the task by a context from further out: got another one")
				return nil
			})
		}))
		_, err = currentTaskOf(context.Background())
		require.Equal(t, ErrNoLoop, err, "the task by a context of no loop")

		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, err := currentTaskOf(outer)
			require.Equal(t, ErrNotTask, err, "the task, from a plain goroutine")
			require.NoError(t, Run(context.Background(), func(ctx context.Context) error {
				_, err := currentTaskOf(outer)
				require.Equal(t, ErrNotTask, err, "the task, from another loop's")
				return nil
			}))
		}()
		<-ended // the loop stands still meanwhile: a task must not do this
		return nil
	}))
}
