package prefork

import (
	"sync"

	"github.com/weft-go/weft/reactor"
)

// onlyOne is the handler function of ModelPerConn: with the first connection the
// process takes no more, and another one is started in its place.
//
//	waiting --accept--> taken --the connection's end--> the process's end
func (v *serving) onlyOne(c *reactor.Conn) reactor.Handler {
	for _, ln := range v.listeners {
		_ = ln.Close()
	}
	v.w.Taken()
	return &onlyConn{v.Handler(c), sync.OnceFunc(func() { close(v.served) })}
}

// onlyConn is the handler of the only connection.
type onlyConn struct {
	reactor.Handler
	ended func()
}

// OnClose ends the process, after the connection.
func (h *onlyConn) OnClose(c *reactor.Conn, reason error) {
	defer h.ended()
	h.Handler.OnClose(c, reason)
}

// Drain passes the word on.
func (h *onlyConn) Drain(c *reactor.Conn) {
	if d, ok := h.Handler.(Drainer); ok {
		d.Drain(c)
	}
}
