package backend

import (
	"context"
	"errors"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// serveReactor is weft's reactor: callbacks on event loops, which share the port
// if there are several.
func serveReactor(ctx context.Context, c Config) error {
	g, err := reactor.NewGroup(c.Loops, reactor.Options{Limits: reactor.Limits{ReadBuffer: loopBuffer}})
	if err != nil {
		return err
	}
	o := reactor.GroupListenOptions{}
	o.ListenOptions.ListenOptions = poller.ListenOptions{Backlog: backlog}
	addr, err := g.Listen("tcp", c.Addr, o, func(*reactor.Conn) reactor.Handler { return reactorEcho{} })
	if err != nil {
		return errors.Join(err, g.Close())
	}
	defer context.AfterFunc(ctx, g.Stop)()
	c.Ready(addr.String())
	return g.Run(context.WithoutCancel(ctx)) // Stop ends it: draining would wait for the peers
}

// reactorEcho has no state: all connections share it.
type reactorEcho struct{ reactor.NopHandler }

func (reactorEcho) OnData(c *reactor.Conn, data []byte) int {
	_, _ = c.Write(data) // an error has closed the connection
	return len(data)
}
