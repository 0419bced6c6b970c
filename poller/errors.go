package poller

import "errors"

var (
	// ErrWouldBlock: the call would have to wait. It is compared with ==, as
	// io.EOF is.
	ErrWouldBlock = errors.New("poller: operation would block")

	// ErrTooManyFiles: there is no descriptor (EMFILE, ENFILE) or no memory
	// for one (ENOBUFS, ENOMEM). It passes when others close theirs. Use
	// errors.Is.
	ErrTooManyFiles = errors.New("no descriptor for a new connection")

	// ErrBacklogFull: the listener of a Unix socket has no room in its queue.
	// Unlike TCP's, a Unix connect does not wait for room in the background.
	ErrBacklogFull = errors.New("poller: the listener's backlog is full")

	// ErrPathInUse: a Unix socket's path is taken, by a listener that answers
	// or by something that is not a socket. Nothing was deleted.
	ErrPathInUse = errors.New("poller: path is in use")
)

// exhausted is a system error that also is ErrTooManyFiles.
type exhausted struct{ error }

func (e exhausted) Unwrap() []error { return []error{ErrTooManyFiles, e.error} }
