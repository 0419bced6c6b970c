package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
)

// maxClients is how many may be in the room.
//
// Bound: their outboxes, all of them full, are 16 MiB besides the lines.
const maxClients = 1000

// room is who is here. It belongs to the loop: its methods do not wait, so no
// other task sees them half done.
type room struct {
	clients []*client // in the order in which they came, those without a nick too
	closed  bool      // the server is going down
}

// serve is the handler of a connection.
func (r *room) serve(ctx context.Context, conn net.Conn) error {
	c := newClient(r, conn)
	if r.closed || len(r.clients) >= maxClients {
		_, err := fmt.Fprintln(conn, "* the room is full or closing, try again later")
		return err
	}
	r.clients = append(r.clients, c)
	defer r.remove(ctx, c)
	return c.run(ctx)
}

// remove takes a client out and tells the others, if they ever knew of it.
func (r *room) remove(ctx context.Context, c *client) {
	r.clients = slices.DeleteFunc(r.clients, func(o *client) bool { return o == c })
	switch {
	case c.nick == "":
	case c.dropped:
		r.tell(ctx, nil, fmt.Sprintf("* %s was dropped: did not read fast enough", c.nick))
	default:
		r.tell(ctx, nil, fmt.Sprintf("* %s has left", c.nick))
	}
}

// rename gives a client its nick, the first one or another, if it is free.
func (r *room) rename(ctx context.Context, c *client, nick string) error {
	if err := checkNick(nick); err != nil {
		return err
	}
	for _, o := range r.clients {
		if o != c && strings.EqualFold(o.nick, nick) {
			return fmt.Errorf("the nick %s is taken", nick)
		}
	}
	old := c.nick
	c.nick = nick
	if old == "" {
		c.tell(ctx, fmt.Sprintf("* hello, %s; here: %s", nick, r.who()))
		r.tell(ctx, c, fmt.Sprintf("* %s has joined", nick))
	} else {
		r.tell(ctx, nil, fmt.Sprintf("* %s is now %s", old, nick))
	}
	return nil
}

// tell sends a line to everyone who has a nick, but not to the one it is from.
func (r *room) tell(ctx context.Context, from *client, line string) {
	for _, c := range r.clients {
		if c != from && c.nick != "" {
			c.tell(ctx, line)
		}
	}
}

func (r *room) who() string {
	var nicks []string
	for _, c := range r.clients {
		if c.nick != "" {
			nicks = append(nicks, c.nick)
		}
	}
	slices.Sort(nicks)
	return strings.Join(nicks, ", ")
}

// close says goodbye to everyone. Each client's task ends when its outbox is
// empty, or when the time for that is over.
func (r *room) close(ctx context.Context) error {
	r.closed = true
	for _, c := range r.clients {
		c.tell(ctx, "* the server is going down, goodbye")
		if err := c.finish(ctx); err != nil {
			return err
		}
	}
	return nil
}
