package poller

import "os"

// What follows are capabilities that an OS may have beside [OS], each found by a
// type assertion on it. Whoever uses one does without where it is missing: a
// simulated system has none of them, and no kernel has all.

// FileSender is a system that sends a file's bytes without bringing them to user
// space.
type FileSender interface {
	// SendFile sends up to n bytes of file, a regular one, from offset on to
	// the socket fd, and returns how many went. The file's own position stays.
	// A part is not an error, as with Write. Where the file ends it returns
	// 0, io.EOF. What is not in memory is read from the disk, and takes as long
	// as that takes: no disk is non-blocking.
	// Errors: those of Write, and errors.ErrUnsupported where the kernel does
	// not do it with this file or this socket; nothing was sent then.
	SendFile(fd, file FD, offset int64, n int) (int, error)
}

// Splicer is a system that moves a stream's bytes from one socket to another
// through a pipe, without bringing them to user space.
//
//	socket --SpliceIn--> pipe --SpliceOut--> socket
type Splicer interface {
	// OpenPipe opens a pipe that holds about size bytes, or fewer where the
	// user may have no more. Error: ErrTooManyFiles (use errors.Is).
	OpenPipe(size int) (Pipe, error)

	// ClosePipe closes both ends, and drops what the pipe holds.
	ClosePipe(p Pipe)

	// SpliceIn moves up to n bytes from the socket fd into p, which must be
	// empty, and returns how many. At the end of the stream it returns 0,
	// io.EOF. A short one proves nothing, and ErrWouldBlock what it proves of a
	// Read. errors.ErrUnsupported: the kernel does not do it with this socket;
	// nothing was moved.
	SpliceIn(p Pipe, fd FD, n int) (int, error)

	// SpliceOut moves up to n bytes of those that p holds to the socket fd,
	// and returns how many. A part is not an error, as with Write. The errors
	// are those of Write; what has not gone is still in the pipe.
	SpliceOut(fd FD, p Pipe, n int) (int, error)
}

// Pipe is a pipe of a [Splicer]'s.
type Pipe struct{ Out, In FD }

// Duplicator is a system whose descriptors are the process's own, so that other
// code can use them: os.File, package net, a system call. Those of a simulated
// one are numbers with no meaning elsewhere.
type Duplicator interface {
	// Duplicate gives the open file of fd a second descriptor, close-on-exec.
	// Closing it leaves fd alone; see the Quirk at CloseFD. Non-blocking is a
	// property of the open file, and so of both. Error: os.SyscallError
	// (EMFILE).
	Duplicate(fd FD) (*os.File, error)
}
