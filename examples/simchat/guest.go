package simchat

import (
	"bufio"
	"context"
	"fmt"
	"time"

	"github.com/weft-go/weft/coro"
)

// Guest is somebody in the room, who comes back until everything is said. It
// belongs to one loop.
type Guest struct {
	Nick  string
	Room  string   // its address
	Heard []Line   // the log, as it came
	Says  []string // what it has to say, which may be appended to
	Acked int      // of Says
	news  coro.Cond
}

// Say says one thing more, now or when the room is there again.
func (g *Guest) Say(ctx context.Context, text string) error {
	g.Says = append(g.Says, text)
	return g.news.Broadcast(ctx)
}

// Stay is in the room until ctx ends: whatever goes wrong, it comes back.
func (g *Guest) Stay(ctx context.Context) error {
	for context.Cause(ctx) == nil {
		_ = g.visit(ctx)
		if err := coro.Sleep(ctx, time.Second); err != nil {
			break
		}
	}
	return context.Cause(ctx)
}

// visit is one connection, up to its end.
func (g *Guest) visit(ctx context.Context) error {
	c, err := coro.Dialer{Timeout: silence}.Dial(ctx, "tcp", g.Room)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "hello %s %d\n", g.Nick, len(g.Heard)); err != nil {
		return err
	}
	return coro.WithScope(ctx, func(s *coro.Scope) error {
		if err := s.Daemon(func(ctx context.Context) error { return g.speak(ctx, c) }); err != nil {
			return err
		}
		in := bufio.NewScanner(c)
		for c.SetReadDeadline(time.Now().Add(silence)) == nil && in.Scan() {
			g.hear(in.Text())
		}
		return in.Err()
	})
}

// hear takes one line from the room.
func (g *Guest) hear(text string) {
	var place, acked int
	var l Line
	if n, _ := fmt.Sscanf(text, "ack %d", &acked); n == 1 {
		g.Acked = max(g.Acked, acked)
	} else if n, _ := fmt.Sscanf(text, "line %d %s %d %q", &place, &l.Nick, &l.Number, &l.Text); n == 4 {
		g.Heard = append(g.Heard, l)
	}
}

// speak says what was not acknowledged, then what comes.
func (g *Guest) speak(ctx context.Context, c *coro.Conn) error {
	for said := g.Acked; ; {
		text := "tick\n"
		if said < len(g.Says) {
			text = fmt.Sprintf("say %d %q\n", said+1, g.Says[said])
			said++
		}
		if _, err := c.Write([]byte(text)); err != nil {
			return err
		}
		if said == len(g.Says) {
			if err := coro.Timeout(ctx, silence/3, g.news.Wait); err != nil && context.Cause(ctx) != nil {
				return err
			}
		}
	}
}
