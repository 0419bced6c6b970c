package coro

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Each subscription is a slice of what it is still to get, cut at the capacity.
func TestBroadcastAgreesWithAModel(t *testing.T) {
	type subscription struct {
		*Subscription[int]
		unread  []int
		lost    uint64
		over    bool
		waiting []*call
	}
	rapid.Check(t, func(t *rapid.T) {
		onModelLoop(t, func(m *modelTest) {
			capacity := rapid.IntRange(1, 4).Draw(t, "capacity")
			b := NewBroadcast[int](capacity)
			var subs []*subscription
			sent, over := 0, false
			pick := func(t *rapid.T) *subscription {
				if len(subs) == 0 {
					t.Skip("no subscription")
				}
				return rapid.SampledFrom(subs).Draw(t, "subscription")
			}
			closeAll := func(s *subscription) {
				for _, c := range s.waiting {
					c.finish(nil, ErrChanClosed)
				}
				s.waiting = nil
			}
			t.Repeat(map[string]func(*rapid.T){
				"Subscribe": func(t *rapid.T) {
					s, err := b.Subscribe(m.ctx)
					if over {
						require.Equal(t, ErrChanClosed, err)
						return
					}
					require.NoError(t, err)
					subs = append(subs, &subscription{Subscription: s})
				},
				"Send": func(t *rapid.T) {
					err := b.Send(m.ctx, sent+1)
					if over {
						require.Equal(t, ErrChanClosed, err)
						return
					}
					require.NoError(t, err)
					sent++
					for _, s := range subs {
						switch {
						case s.over:
						case len(s.waiting) > 0:
							s.waiting[0].finish(sent, nil)
							s.waiting = s.waiting[1:]
						default:
							if s.unread = append(s.unread, sent); len(s.unread) > capacity {
								s.unread = s.unread[1:]
								s.lost++
							}
						}
					}
				},
				"Recv": func(t *rapid.T) {
					s := pick(t)
					c := m.start(func(ctx context.Context) (any, error) { return s.Recv(ctx) })
					switch {
					case s.over:
						c.finish(nil, ErrChanClosed)
					case s.lost > 0:
						c.finish(nil, &LaggedError{s.lost})
						s.lost = 0
					case len(s.unread) > 0:
						c.finish(s.unread[0], nil)
						s.unread = s.unread[1:]
					case over:
						c.finish(nil, ErrChanClosed)
					default:
						s.waiting = append(s.waiting, c)
					}
				},
				"a subscription is closed": func(t *rapid.T) {
					s := pick(t)
					err := s.Close()
					if s.over {
						require.Equal(t, ErrChanClosed, err)
						return
					}
					require.NoError(t, err)
					s.over = true
					closeAll(s)
				},
				"Close": func(t *rapid.T) {
					if over || rapid.IntRange(0, 9).Draw(t, "Close") > 0 {
						t.Skip("now and then")
					}
					require.NoError(t, b.Close(m.ctx))
					over = true
					for _, s := range subs {
						closeAll(s)
					}
				},
				"one is cancelled": func(*rapid.T) {
					c := m.cancel()
					for _, s := range subs {
						s.waiting = without(s.waiting, c)
					}
				},
				"all run": func(*rapid.T) { m.settle() },
				"": func(t *rapid.T) {
					require.LessOrEqual(t, b.Stats().Len, capacity, "values that are kept")
					open := 0
					for _, s := range subs {
						require.Equal(t, len(s.waiting), live(t, &s.Subscription.waiting.queueOf), "tasks that wait")
						if !s.over {
							require.Equal(t, uint64(len(s.unread))+s.lost, s.Stats().Behind, "values that a subscriber is behind")
							open++
						}
					}
					require.Equal(t, open, b.Stats().Subscriptions)
				},
			})
			m.end()
			for _, s := range subs {
				require.Zero(t, s.Stats().Waiting, "left behind in the queue")
			}
		})
	})
}

func TestWatchAgreesWithAModel(t *testing.T) {
	type got struct{ value, version int }
	rapid.Check(t, func(t *rapid.T) {
		onModelLoop(t, func(m *modelTest) {
			w := NewWatch(0)
			value, version, over := 0, 1, false
			var waiting []*call        // all for another version than the latest
			latest := map[*call]bool{} // woken, and get the latest when they run
			t.Repeat(map[string]func(*rapid.T){
				"Set": func(t *rapid.T) {
					v := rapid.IntRange(0, 9).Draw(t, "v")
					err := w.Set(m.ctx, v)
					if over {
						require.Equal(t, ErrChanClosed, err)
						return
					}
					require.NoError(t, err)
					value = v
					version++
					for _, c := range waiting {
						latest[c] = true
					}
					waiting = nil
					for c := range latest {
						c.finish(got{value, version}, nil)
					}
				},
				"Changed": func(t *rapid.T) {
					seen := max(version-rapid.IntRange(0, 2).Draw(t, "behind"), 0)
					c := m.start(func(ctx context.Context) (any, error) {
						v, version, err := w.Changed(ctx, uint64(seen))
						return got{v, int(version)}, err
					})
					clear(latest) // start has let them run
					switch {
					case seen != version:
						c.finish(got{value, version}, nil)
					case over:
						c.finish(nil, ErrChanClosed)
					default:
						waiting = append(waiting, c)
					}
				},
				"Close": func(t *rapid.T) {
					if over || rapid.IntRange(0, 9).Draw(t, "Close") > 0 {
						t.Skip("now and then")
					}
					require.NoError(t, w.Close(m.ctx))
					over = true
					for _, c := range waiting {
						c.finish(nil, ErrChanClosed)
					}
					waiting = nil
				},
				"one is cancelled": func(*rapid.T) { waiting = without(waiting, m.cancel()) },
				"all run":          func(*rapid.T) { m.settle(); clear(latest) },
				"": func(t *rapid.T) {
					v, n := w.Get()
					require.Equal(t, got{value, version}, got{v, int(n)}, "Get")
					require.Equal(t, len(waiting), live(t, &w.waiting.queueOf), "tasks that wait")
				},
			})
			m.end()
			require.Zero(t, w.Stats().Waiting, "left behind in the queue")
		})
	})
}

// The Inbox as its loop sees it; what goroutines see of it is in inbox_test.go.
func TestInboxAgreesWithAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		onModelLoop(t, func(m *modelTest) {
			capacity := rapid.IntRange(1, 4).Draw(t, "capacity")
			in := NewInbox[int](capacity)
			var values []int
			var waiting []*call
			sent, over := 0, false
			// dealt is what handOut does, as soon as tasks run.
			dealt := func() {
				for len(values) > 0 && len(waiting) > 0 {
					waiting[0].finish(values[0], nil)
					values, waiting = values[1:], waiting[1:]
				}
				if over {
					for _, c := range waiting {
						c.finish(nil, ErrChanClosed)
					}
					waiting = nil
				}
			}
			t.Repeat(map[string]func(*rapid.T){
				"TrySend": func(t *rapid.T) {
					err := in.TrySend(sent + 1)
					switch {
					case over:
						require.Equal(t, ErrChanClosed, err)
					case len(values) == capacity:
						require.ErrorIs(t, err, ErrInboxFull)
						require.ErrorIs(t, in.Send(m.ctx, 0), ErrWouldBlock)
					default:
						require.NoError(t, err)
						sent++
						values = append(values, sent)
					}
				},
				"Recv": func(*rapid.T) {
					dealt()
					waiting = append(waiting, m.start(func(ctx context.Context) (any, error) { return in.Recv(ctx) }))
					dealt()
				},
				"Close": func(t *rapid.T) {
					if over || rapid.IntRange(0, 9).Draw(t, "Close") > 0 {
						t.Skip("now and then")
					}
					require.NoError(t, in.Close())
					over = true
				},
				"one is cancelled": func(*rapid.T) { waiting = without(waiting, m.cancel()) },
				"all run":          func(*rapid.T) { dealt(); m.settle() },
				"": func(t *rapid.T) {
					require.True(t, slices.IsSorted(values))
					require.LessOrEqual(t, in.Stats().Len, capacity, "values in the Inbox")
				},
			})
			dealt()
			m.end()
			stats := in.Stats()
			require.Zero(t, stats.ReceiversWaiting, "left behind in the queue")
			require.Equal(t, len(values), stats.Len, "values in the Inbox at the end")
			require.Equal(t, stats.Sent, stats.Received+uint64(stats.Len), "values sent, want those received and those that are there")
		})
	})
}
