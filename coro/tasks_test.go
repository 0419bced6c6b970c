package coro

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tasksOf are the tasks of the calling task's loop, by number. Other loops of the
// process are another test's.
func tasksOf(t *testing.T, ctx context.Context) map[uint64]TaskInfo {
	t.Helper()
	own, err := Stats(ctx)
	require.NoError(t, err)
	tasks := make(map[uint64]TaskInfo)
	for _, info := range Tasks() {
		if info.Loop == own.Loop {
			tasks[info.ID] = info
		}
	}
	return tasks
}

func TestTasksTellWhatEachTaskWaitsForAndSinceWhen(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		before := time.Now()
		e.try(func(ctx context.Context) {
			require.NoError(t, SetName(ctx, "main"))
			ln := e.listen(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				hour := func(ctx context.Context) error { return Sleep(ctx, time.Hour) }
				require.NoError(t, s.Go(func(ctx context.Context) error { // 2
					return Serve(ctx, ln, func(_ context.Context, c net.Conn) error { // 3
						_, err := c.Read(make([]byte, 1))
						return err
					})
				}))
				client := e.dial(ctx, ln)
				settle(t, ctx)
				require.NoError(t, Sleep(ctx, time.Millisecond))
				require.NoError(t, s.Daemon(func(ctx context.Context) error { // 4
					return Timeout(ctx, time.Hour, func(ctx context.Context) error {
						return WithScope(ctx, func(s *Scope) error { return s.Go(hour) }) // 5
					})
				}))
				settle(t, ctx)
				tasks := tasksOf(t, ctx)
				require.Len(t, tasks, 5)
				peer := client.LocalAddr().String()
				if e.network == "unix" {
					peer = "an unnamed socket"
				}
				for id, want := range map[uint64]TaskInfo{
					1: {Name: "main", Waits: "other loops"},
					2: {Parent: 1, Waits: "accept on " + ln.Addr().String()},
					3: {Parent: 2, Waits: "read from " + peer, Peer: peer},
					4: {Parent: 1, Waits: "children"},
					5: {Parent: 4, Waits: "timer"},
				} {
					got := tasks[id]
					require.Equal(t, TaskParked, got.State, "task %d", id)
					require.Equal(t, "parked", got.State.String())
					require.WithinRange(t, got.Since, before.Add(-time.Second), time.Now(), "task %d", id)
					require.Equal(t, []any{want.Name, want.Parent, want.Waits, want.Peer},
						[]any{got.Name, got.Parent, got.Waits, got.Peer}, "task %d", id)
				}
				require.Contains(t, tasks[1].Spawned, "(*env).runWith")
				require.Contains(t, tasks[5].Spawned, "TestTasksTellWhatEachTaskWaitsForAndSinceWhen")
				require.Contains(t, tasks[5].Spawned, "tasks_test.go:")
				require.NoError(t, client.Close())
				return ln.Close()
			}))
			require.Len(t, tasksOf(t, ctx), 1, "tasks that have ended are not told")
		})
	})
}

func TestTasksTellWhoWritesAndWhoIsReady(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			fill(t, a)
			require.ErrorIs(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error { _, err := a.Write(make([]byte, 1)); return err }))
				require.NoError(t, s.Go(func(ctx context.Context) error {
					for {
						if err := Yield(ctx); err != nil {
							return err
						}
					}
				}))
				settle(t, ctx)
				tasks := tasksOf(t, ctx)
				require.Equal(t, "write to "+b.LocalAddr().String(), tasks[2].Waits)
				require.Equal(t, TaskReady, tasks[3].State)
				require.Empty(t, tasks[3].Waits)
				return s.Cancel(nil)
			}), context.Canceled)
		})
	})
}

func TestTasksAnswerInACancelledScopeWithItsCause(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			enough := errors.New("enough")
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Cancel(enough))
				require.Equal(t, enough, tasksOf(t, ctx)[1].Cancelled)
				return nil
			}))
			require.NoError(t, tasksOf(t, ctx)[1].Cancelled)
		})
	})
}

func TestTasksMayBeAskedForByAnyGoroutine(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			asked := make(chan struct{})
			go func() {
				defer close(asked)
				for _, info := range Tasks() {
					if info.Name == "asked about" {
						return
					}
				}
				t.Error("the task is not among all tasks")
			}()
			require.NoError(t, SetName(ctx, "asked about"))
			for {
				select {
				case <-asked:
					return
				default:
					require.NoError(t, Sleep(ctx, time.Millisecond))
				}
			}
		})
	})
}

// On the loop's own goroutine nobody can be waited for: a log's handler sees the
// loop that logs.
func TestTasksOnTheLoopsGoroutineAreThatLoops(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		var seen []TaskInfo
		var text bytes.Buffer
		e.log.hook = func() { seen = Tasks(); _ = Dump(&text) }
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error {
					return Serve(ctx, ln, func(context.Context, net.Conn) error {
						defer ln.Close()
						return errors.New("logged where the task has ended")
					})
				}))
				_, err := e.dial(ctx, ln).Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF)
				return nil
			}))
		})
		require.Len(t, seen, 2, "main, and the one that serves")
		require.Contains(t, text.String(), "2 tasks")
	})
}

func TestTasksOfLoopsThatAskEachOtherAreAllTold(t *testing.T) {
	const loops = 4
	all := make(chan error, loops)
	for i := range loops {
		go func() {
			all <- Config{Name: "asking"}.Run(t.Context(), func(ctx context.Context) error {
				for range 50 {
					found := 0
					for _, info := range Tasks() {
						if info.State == TaskRunning {
							return errors.New("a loop did not answer")
						}
						if info.LoopName == "asking" {
							found++
						}
					}
					if found == 0 {
						return errors.New("not even this loop's task was told")
					}
					if i%2 == 0 {
						_ = Loops()
					}
				}
				return nil // the others go on, and this loop ends
			})
		}()
	}
	for range loops {
		require.NoError(t, wait(t, all, "a loop that asks the others"))
	}
}

func TestTasksOfALoopThatDoesNotAnswerAreTheOneThatRuns(t *testing.T) {
	held, release := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- Config{Name: "held up", StallLimit: -1}.Run(t.Context(), func(ctx context.Context) error {
			_ = SetName(ctx, "culprit")
			close(held)
			<-release
			return nil
		})
	}()
	wait(t, held, "the loop")
	e := &env{t: t, network: "tcp", log: new(records)}
	e.try(func(ctx context.Context) {
		var found []TaskInfo
		for _, info := range Tasks() {
			if info.LoopName == "held up" {
				found = append(found, info)
			}
		}
		require.Len(t, found, 1)
		require.Equal(t, TaskRunning, found[0].State)
		require.Equal(t, "culprit", found[0].Name)
		require.EqualValues(t, 1, found[0].ID)
		require.False(t, found[0].Since.IsZero())
		silent := 0
		for _, l := range Loops() {
			if l.Silent {
				require.Equal(t, "held up", l.Name)
				silent++
			}
		}
		require.Equal(t, 1, silent)
	})
	close(release)
	require.NoError(t, wait(t, ended, "the end"))
}

func TestNameBelongsToATaskUpToItsEnd(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		require.ErrorIs(t, SetName(context.Background(), "x"), ErrNoLoop)
		e.try(func(ctx context.Context) {
			tk, _ := currentTaskOf(ctx)
			err := WithScope(ctx, func(s *Scope) error {
				return s.Go(func(ctx context.Context) error {
					require.NoError(t, SetName(ctx, "first"))
					require.NoError(t, SetName(ctx, "second"))
					panic("with a name")
				})
			})
			var panicked *PanicError
			require.ErrorAs(t, err, &panicked)
			require.Equal(t, "second", panicked.Name)
			require.Contains(t, err.Error(), `panic in the task "second" spawned at`)
			require.Empty(t, tk.loop().names.byID, "names of tasks that have ended")
			require.NoError(t, SetName(ctx, "main"))
			require.NoError(t, SetName(ctx, ""))
			require.Empty(t, tk.loop().names.byID, "a name that was taken back")
		})
	})
}
