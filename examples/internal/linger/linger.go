package linger

import (
	"context"
	"io"
	"time"

	"github.com/weft-go/weft/coro"
)

// patience is how long a peer may take to read the last words.
//
// Bound: some round trips, also on a slow line. Meanwhile the connection keeps
// its task.
const patience = time.Second

// End says the last words, by a function that may write to c, sends a FIN, and
// drops what the peer still sends, until it has closed its side. Not more than a
// second of that. The connection is not closed yet.
//
// Without it the peer may never see an alert or an error's answer: a socket that
// is closed with bytes unread is reset, and at the peer a reset overtakes what
// has come before it.
//
// It works in a cancelled scope: the end of a connection is cleanup.
func End(ctx context.Context, c *coro.Conn, lastWords func()) {
	_ = coro.Shield(ctx, func(ctx context.Context) error {
		return coro.Timeout(ctx, patience, func(context.Context) error {
			if err := c.SetDeadline(time.Time{}); err != nil {
				return err // it is closed
			}
			lastWords()
			if err := c.CloseWrite(); err != nil {
				return err // the peer has gone already
			}
			_, err := io.Copy(io.Discard, c)
			return err
		})
	})
}
