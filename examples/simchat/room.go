package simchat

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/weft-go/weft/coro"
)

// Line is what somebody said.
type Line struct {
	Nick   string
	Number int // the speaker's own count, from 1
	Text   string
}

// Log is what was said, on the disk as it were: it outlives the room.
type Log struct {
	Lines []Line
	last  map[string]int // the number each speaker has got to
}

// add adds what is new, and reports the number the speaker has got to.
func (l *Log) add(line Line) (last int, added bool) {
	if l.last == nil {
		l.last = make(map[string]int)
	}
	if line.Number != l.last[line.Nick]+1 {
		return l.last[line.Nick], false // said again, or ahead of what is missing
	}
	l.last[line.Nick] = line.Number
	l.Lines = append(l.Lines, line)
	return line.Number, true
}

// Room serves a log. It belongs to one loop.
type Room struct {
	log  *Log
	news coro.Cond // a line, or something to acknowledge
}

// NewRoom makes a room for a log.
func NewRoom(log *Log) *Room { return &Room{log: log} }

// silence is how long either side waits to hear something of the other one. Both
// say something three times in it.
const silence = 30 * time.Second

// visitor is a guest, as the room sees it.
type visitor struct {
	conn  net.Conn
	nick  string
	heard int // of the log
	said  int // the last number to acknowledge
	acked int
}

// Serve is the handler of a connection.
func (r *Room) Serve(ctx context.Context, c net.Conn) error {
	v := &visitor{conn: c}
	in := bufio.NewScanner(c)
	if !v.next(in) {
		return in.Err()
	}
	if _, err := fmt.Sscanf(in.Text(), "hello %s %d", &v.nick, &v.heard); err != nil {
		return err
	}
	return coro.WithScope(ctx, func(s *coro.Scope) error {
		if err := s.Daemon(func(ctx context.Context) error { return r.tell(ctx, v) }); err != nil {
			return err
		}
		return r.listen(ctx, v, in)
	})
}

// next reads a line, within silence.
func (v *visitor) next(in *bufio.Scanner) bool {
	return v.conn.SetReadDeadline(time.Now().Add(silence)) == nil && in.Scan()
}

func (r *Room) listen(ctx context.Context, v *visitor, in *bufio.Scanner) error {
	for v.next(in) {
		line := Line{Nick: v.nick}
		if n, _ := fmt.Sscanf(in.Text(), "say %d %q", &line.Number, &line.Text); n != 2 {
			continue // a sign of life
		}
		v.said, _ = r.log.add(line)
		v.acked = min(v.acked, v.said-1) // also what is said again
		if err := r.news.Broadcast(ctx); err != nil {
			return err
		}
	}
	return in.Err()
}

// tell brings the visitor up to date, at the visitor's own pace: what waits is in
// the log anyway, so somebody who reads slowly costs nothing.
func (r *Room) tell(ctx context.Context, v *visitor) error {
	for {
		text := "tick\n"
		switch {
		case v.acked < v.said:
			v.acked = v.said
			text = fmt.Sprintf("ack %d\n", v.acked)
		case v.heard < len(r.log.Lines):
			l := r.log.Lines[v.heard]
			text = fmt.Sprintf("line %d %s %d %q\n", v.heard, l.Nick, l.Number, l.Text)
			v.heard++
		}
		if _, err := v.conn.Write([]byte(text)); err != nil {
			return err
		}
		if v.acked == v.said && v.heard == len(r.log.Lines) {
			// The end of the wait is no failure: it is time for a tick.
			if err := coro.Timeout(ctx, silence/3, r.news.Wait); err != nil && context.Cause(ctx) != nil {
				return err
			}
		}
	}
}
