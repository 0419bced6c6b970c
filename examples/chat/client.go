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

// client is one connection, and two tasks: one reads its lines, one writes what
// others have for it. So whoever says something never waits for a slow reader.
type client struct {
	room   *room
	conn   net.Conn
	nick   string // empty until the first line
	outbox outbox
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
		return c.outbox.close(ctx) // the writer sends the rest, and ends
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

// tell queues a line for the client. It never waits. A client whose queue is
// full has not read for a long time, and is dropped: the policy, in one place.
func (c *client) tell(ctx context.Context, line string) {
	if err := c.outbox.add(ctx, line); errors.Is(err, errOverflow) {
		_ = c.conn.Close() // both tasks find it closed, and end
	}
}

// writeLines is the task that writes. It closes the connection when the outbox
// is closed and empty, which ends the reader, if it still reads.
func (c *client) writeLines(ctx context.Context) error {
	defer c.conn.Close()
	for {
		lines, err := c.outbox.take(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := c.conn.Write(lines); err != nil {
			return err
		}
	}
}
