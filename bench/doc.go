// Command bench measures what a message and a connection cost in servers that are
// written in different ways, and compares them with a bare epoll loop.
//
//	go run ./bench                       a first look at everything
//	go run ./bench --profile full        results to keep
//	go run ./bench idle                  the cost of connections that wait
//	go run ./bench load --addr 127.0.0.1:7000
//	                                     the generator, against any server
//	go run ./bench serve --backend net --addr 127.0.0.1:7000
//	                                     one server, for other tools
//
// README.md describes what is measured and how to read it, DESIGN.md why it is
// measured so.
//
// The rooms, from the bottom: backend holds the servers, measure reads what a
// process costs, pin places processes on processors, child starts them, server runs
// a backend in one and load a generator. scenario says what is asked, lab takes the
// samples, result is the form in which they are kept, stats what they prove, summary
// and report say it. This package is the command line.
//
// Exit status: 0 when every figure is there, 1 when a backend failed (the
// others are still reported), 2 for a command line or an address that cannot
// be served and for results that cannot be written, with one line that says why, 130
// after Ctrl-C.
package main
