// Command bench measures what a message and a connection cost in servers that
// are written in different ways, and compares them with a bare epoll loop.
//
//	go run ./bench                       compare all backends
//	go run ./bench idle                  the cost of connections that wait
//	go run ./bench serve --backend net --addr 127.0.0.1:7000
//	                                     one echo server, for other tools
//	go run ./bench load --addr 127.0.0.1:7000
//	                                     the generator by itself, for other servers
//
// README.md describes what is measured and how to read it, DESIGN.md why it is
// measured so.
//
// The rooms, from the bottom: backend holds the servers, measure reads what a
// process costs, pin places processes on processors, server runs a backend in
// a process of its own, load is the client side, report does the statistics
// and the tables. This package is the command line and the order of events.
//
// Exit status: 0 when every figure is there, 1 when a backend failed (the
// others are still reported), 2 for a command line or an address that cannot
// be served, with one line that says why, 130 after Ctrl-C.
package main
