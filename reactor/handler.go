package reactor

// Handler is a connection's callbacks. All are called on the loop's goroutine,
// one after the other; none may block. Embed NopHandler for those one has no
// use for. A panic closes the connection, with a *PanicError as the reason.
type Handler interface {
	// OnOpen is called once, when the connection is accepted, or when the one
	// that was dialled is established.
	OnOpen(c *Conn)

	// OnData is given what has been received and not consumed yet, and
	// returns how many bytes of it it consumes. The slice is the loop's: it is
	// valid until OnData returns.
	//
	// What is left is kept, up to ConnOptions.MaxUnconsumed, and offered
	// again: at once if OnData consumed something, together with the next
	// bytes if it consumed nothing.
	OnData(c *Conn, data []byte) (consumed int)

	// OnEOF is called when the peer has finished sending and everything it
	// sent has been offered; OnData is not called any more. Writing goes on, for as long as the handler
	// likes; Close ends that. NopHandler's OnEOF closes.
	OnEOF(c *Conn)

	// OnWritable is called when the bytes that wait to be written have fallen
	// below ConnOptions.LowWater, after they were above HighWater.
	OnWritable(c *Conn)

	// OnClose is called exactly once, after everything else, also for a
	// connection that was never established. The reason is nil after Close
	// if all that was written was given to the kernel and the peer did not
	// answer with a reset, ErrAborted after Abort, a
	// *net.OpError for an error of the connection (errors.Is finds its cause,
	// such as syscall.ECONNRESET or os.ErrDeadlineExceeded), or one of this
	// package's errors.
	OnClose(c *Conn, reason error)
}

// NopHandler does nothing, but for OnEOF, which closes.
type NopHandler struct{}

// OnOpen does nothing.
func (NopHandler) OnOpen(*Conn) {}

// OnData consumes everything.
func (NopHandler) OnData(_ *Conn, data []byte) int { return len(data) }

// OnEOF closes the connection.
func (NopHandler) OnEOF(c *Conn) { _ = c.Close() }

// OnWritable does nothing.
func (NopHandler) OnWritable(*Conn) {}

// OnClose does nothing.
func (NopHandler) OnClose(*Conn, error) {}
