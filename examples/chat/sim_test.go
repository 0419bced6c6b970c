package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// on is a program for a simulated host: main, on a loop of tasks.
func on(main func(ctx context.Context) error) func(poller.OS) error {
	return func(os poller.OS) error {
		return coro.Config{Reactor: reactor.Options{OS: os}}.Run(context.Background(), main)
	}
}

// The server in a network that delays, loses and cuts up everything, in which
// everybody talks at once. Each seed is another order of things:
//
//	go test ./examples/chat -run Simulated -weft.runs=1000
func TestChatSimulatedKeepsEachSpeakersOrder(t *testing.T) {
	const guests, lines = 8, 20
	config := sim.Config{
		Dials: sim.Freedoms(),
		Link:  sim.Conditions{Latency: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02},
	}
	config.Test(t, func(t *testing.T, w *sim.World) {
		w.Host("server").Daemon("chat", on(func(ctx context.Context) error {
			ln, err := coro.Listen(ctx, "tcp", ":7")
			if err != nil {
				return err
			}
			return coro.Serve(ctx, ln, (&room{}).serve)
		}))
		require.NoError(t, w.RunFor(time.Millisecond)) // until it listens

		entered := 0
		for i := range guests {
			nick := string(rune('a' + i))
			w.Host(nick).Go("guest", on(func(ctx context.Context) error {
				c, err := coro.Dial(ctx, "tcp", "server:7")
				if err != nil {
					return err
				}
				defer c.Close()
				heard := bufio.NewScanner(c)
				fmt.Fprintln(c, nick)
				for heard.Scan() && !strings.HasPrefix(heard.Text(), "* hello") {
				}
				for entered++; entered < guests; { // all are in the room before anybody talks
					if err := coro.Sleep(ctx, 10*time.Millisecond); err != nil {
						return err
					}
				}
				for n := range lines {
					fmt.Fprintln(c, n)
				}
				next := map[string]int{} // the line that each other guest says next
				for missing := (guests - 1) * lines; missing > 0; {
					if !heard.Scan() {
						return fmt.Errorf("the end, with %d lines missing: %v", missing, heard.Err())
					}
					speaker, line, said := strings.Cut(strings.TrimPrefix(heard.Text(), "<"), "> ")
					if !said {
						continue // news of the room
					}
					require.Equal(t, fmt.Sprint(next[speaker]), line, "%s hears %s", nick, speaker)
					next[speaker]++
					missing--
				}
				return nil
			}))
		}
	})
}
