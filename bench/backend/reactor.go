package backend

import (
	"bytes"
	"context"
	"errors"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// serveReactor is weft's reactor: callbacks on event loops, which share the port
// if there are several.
func serveReactor(ctx context.Context, c Config) error {
	if c.Workload == Room {
		c.Loops = 1
	}
	g, err := reactor.NewGroup(c.Loops, reactor.Options{Limits: reactor.Limits{ReadBuffer: loopBuffer}})
	if err != nil {
		return err
	}
	o := reactor.GroupListenOptions{}
	o.ListenOptions.ListenOptions = poller.ListenOptions{Backlog: backlog}
	addr, err := g.Listen("tcp", c.Addr, o, reactorHandlers(c.Workload, true))
	if err != nil {
		return errors.Join(err, g.Close())
	}
	defer context.AfterFunc(ctx, g.Stop)()
	c.Ready(addr.String())
	return g.Run(context.WithoutCancel(ctx)) // Stop ends it: draining would wait for the peers
}

// reactorHandlers gives a server's connections their handlers. The slow work of one
// message is done by a goroutine, or, in a server of processes, where it is asked
// for.
func reactorHandlers(w Workload, goroutines bool) func(*reactor.Conn) reactor.Handler {
	switch w {
	case Room:
		room := &reactorRoom{}
		return func(*reactor.Conn) reactor.Handler { return room }
	case Slow:
		return func(*reactor.Conn) reactor.Handler { return &reactorSlow{goroutines: goroutines} }
	case HTTP:
		return func(*reactor.Conn) reactor.Handler { return reactorHTTP{} }
	}
	return func(*reactor.Conn) reactor.Handler { return reactorEcho{} }
}

// reactorEcho has no state: all connections share it.
type reactorEcho struct{ reactor.NopHandler }

func (reactorEcho) OnData(c *reactor.Conn, data []byte) int {
	_, _ = c.Write(data) // an error has closed the connection
	return len(data)
}

// reactorRoom is the handler of all connections.
type reactorRoom struct {
	reactor.NopHandler
	members[*reactor.Conn]
}

func (r *reactorRoom) OnOpen(c *reactor.Conn) { r.join(c) }

func (r *reactorRoom) OnData(_ *reactor.Conn, data []byte) int {
	for _, c := range r.all {
		_, _ = c.Write(data)
	}
	return len(data)
}

func (r *reactorRoom) OnClose(c *reactor.Conn, _ error) { r.leave(c) }

// reactorSlow is the handler of one connection.
type reactorSlow struct {
	reactor.NopHandler
	goroutines bool
	// working tells that a goroutine works on a message. What comes then is kept
	// until it is answered, so that answers have the order of the messages.
	working bool
	kept    []byte
}

func (h *reactorSlow) OnData(c *reactor.Conn, data []byte) int {
	if h.working || len(h.kept) > 0 {
		h.kept = append(h.kept, data...)
		h.answerKept(c)
		return len(data)
	}
	taken := h.answer(c, data)
	if !h.working {
		return taken // the rest of a message is offered again
	}
	h.kept = append(h.kept, data[taken:]...)
	return len(data)
}

func (h *reactorSlow) answerKept(c *reactor.Conn) {
	taken := h.answer(c, h.kept)
	h.kept = append(h.kept[:0], h.kept[taken:]...)
}

// answer answers whole messages until one has to be worked on, and returns how many
// bytes it has taken.
func (h *reactorSlow) answer(c *reactor.Conn, data []byte) (taken int) {
	for !h.working && len(data)-taken >= SlowSize {
		message := data[taken:][:SlowSize]
		taken += SlowSize
		work := workOf(message)
		if work != nil && h.goroutines {
			h.work(c, work, bytes.Clone(message))
			continue
		}
		if work != nil {
			work()
		}
		_, _ = c.Write(message)
	}
	return taken
}

// work lets a goroutine work, and answers then.
func (h *reactorSlow) work(c *reactor.Conn, work func(), answer []byte) {
	h.working = true
	go func() {
		work()
		// A loop that has ended has closed the connection.
		_ = c.Loop().Post(func() {
			h.working = false
			_, _ = c.Write(answer)
			h.answerKept(c)
		})
	}()
}

type reactorHTTP struct{ reactor.NopHandler }

func (reactorHTTP) OnData(c *reactor.Conn, data []byte) int {
	requests, consumed := countRequests(data)
	for range requests {
		_, _ = c.Write(httpAnswer)
	}
	return consumed
}
