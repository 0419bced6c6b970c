package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/weft-go/weft/coro"
)

// writeTimeout is how long one write to a client may take, and so how long the
// end of the server may.
const writeTimeout = 5 * time.Second

// maxOutbox is how many lines may wait for a client, besides those that the
// kernel has taken.
//
// Bound: a line that everybody gets is one string, so a full outbox is 16 KiB and
// at most 1 MiB of lines that nobody else has.
const maxOutbox = 1024

// maxWrite is how many bytes the writer collects before it writes.
//
// Bound: it keeps an array of that size, and many short lines are one write.
const maxWrite = 4 << 10

// client is one connection, and two tasks: one reads its lines, one writes what
// others have for it. Between them is a channel, the outbox, so whoever says
// something never waits for a slow reader.
type client struct {
	room    *room
	conn    net.Conn
	nick    string // empty until the first line
	outbox  *coro.Chan[string]
	dropped bool // the outbox was full
}

func newClient(r *room, conn net.Conn) *client {
	return &client{room: r, conn: conn, outbox: coro.NewChan[string](maxOutbox)}
}

// run serves the client until it leaves, is dropped, or the server goes down.
func (c *client) run(ctx context.Context) error {
	return coro.WithScope(ctx, func(s *coro.Scope) error {
		if err := s.Go(c.writeLines); err != nil {
			return err
		}
		c.tell(ctx, "* welcome; what is your nick?")
		if err := c.readLines(ctx); err != nil {
			return err // cancels the writer: there is nobody to write to
		}
		return c.finish(ctx)
	})
}

// readLines is the task that reads. It returns nil when the client is to get
// what is still queued for it: after its end of file, and after /quit.
func (c *client) readLines(ctx context.Context) error {
	lines := bufio.NewReaderSize(c.conn, maxLine+len("\r\n"))
	for {
		line, err := readLine(lines)
		var refused refusal
		switch {
		case errors.As(err, &refused):
			c.tell(ctx, "* "+refused.Error())
			continue
		case err == io.EOF:
			return nil
		case errors.Is(err, net.ErrClosed): // by the writer: dropped, or all sent
			return nil
		case err != nil:
			return err
		}
		if quit := c.said(ctx, line); quit {
			return nil
		}
	}
}

// said acts on one line.
func (c *client) said(ctx context.Context, line string) (quit bool) {
	command, argument, _ := strings.Cut(line, " ")
	switch {
	case line == "":
	case command == "/quit":
		c.tell(ctx, "* goodbye")
		return true
	case c.nick == "":
		if err := c.room.rename(ctx, c, line); err != nil {
			c.tell(ctx, fmt.Sprintf("* %v; what is your nick?", err))
		}
	case command == "/nick":
		if err := c.room.rename(ctx, c, strings.TrimSpace(argument)); err != nil {
			c.tell(ctx, fmt.Sprintf("* %v", err))
		}
	case command == "/who":
		c.tell(ctx, "* here: "+c.room.who())
	case strings.HasPrefix(line, "/"):
		c.tell(ctx, "* no such command; there are /nick NAME, /who and /quit")
	default:
		c.room.tell(ctx, c, fmt.Sprintf("<%s> %s", c.nick, line))
	}
	return false
}

// tell queues a line for the client. It never waits. A client whose outbox is
// full has not read for a long time, and is dropped: the policy, in one place. A
// line for an outbox that is closed is lost: the client is on its way out.
func (c *client) tell(ctx context.Context, line string) {
	if c.dropped {
		return
	}
	if room, err := c.outbox.TrySend(ctx, line); err == nil && !room {
		c.dropped = true
		_ = c.conn.Close() // both tasks find it closed, and end
	}
}

// finish lets the writer send the rest, and end. The second call does nothing.
func (c *client) finish(ctx context.Context) error {
	if err := c.outbox.Close(ctx); !errors.Is(err, coro.ErrChanClosed) {
		return err
	}
	return nil
}

// writeLines is the task that writes. It closes the connection when the outbox
// is closed and empty, which ends the reader, if it still reads.
func (c *client) writeLines(ctx context.Context) error {
	defer c.conn.Close()
	var lines []byte
	for {
		line, err := c.outbox.Recv(ctx)
		if errors.Is(err, coro.ErrChanClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		lines = append(append(lines[:0], line...), '\n')
		for more := true; more && len(lines) < maxWrite; {
			if line, more, _ = c.outbox.TryRecv(ctx); more {
				lines = append(append(lines, line...), '\n')
			}
		}
		if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := c.conn.Write(lines); err != nil {
			return err
		}
	}
}
