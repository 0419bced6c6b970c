package load

import "errors"

// What can go wrong. The errors that carry them say where.
var (
	// ErrSpec: the load makes no sense, or cannot be had together.
	ErrSpec = errors.New("load: bad specification")
	// ErrConnect: connections could not be established.
	ErrConnect = errors.New("cannot connect")
	// ErrDescriptors: the process may not have so many descriptors.
	ErrDescriptors = errors.New("too few descriptors")
	// ErrPorts: a local address has no more ports for this server.
	ErrPorts = errors.New("too few local ports")
	// ErrWrongByte: an echoed byte is not the one that was sent.
	ErrWrongByte = errors.New("wrong byte echoed")
	// ErrSurplus: bytes came back that were never sent.
	ErrSurplus = errors.New("more bytes echoed than sent")
	// ErrClosed: the server ended a connection.
	ErrClosed = errors.New("connection closed by the server")
	// ErrStalled: nothing came back.
	ErrStalled = errors.New("no answer")
	// ErrHTTP: an answer is not 200, not HTTP, or not like the first one.
	ErrHTTP = errors.New("wrong HTTP answer")
)

// sentinels are all of the above, for the way between processes.
var sentinels = []error{
	ErrSpec, ErrConnect, ErrDescriptors, ErrPorts, ErrWrongByte, ErrSurplus, ErrClosed, ErrStalled, ErrHTTP,
}
