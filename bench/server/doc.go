// Package server runs one backend in a process of its own: [Serve] is that
// process's side, [Start] and [Process] are the side of the one that measures.
//
// The server process is this same program, started again with the command
// serve. It says on its standard output where it listens. With --control it
// also takes commands, one per line, on its standard input, and answers each
// with one line of JSON:
//
//	bench                                server process
//	  |  start: serve --control            |
//	  |<------------ listening on ADDR ----|
//	  |  stats                             |
//	  |----------------------------------->|  collects garbage
//	  |<--- {"live_bytes":...,"cpu_ns":...}|
//	  |  usage                             |
//	  |----------------------------------->|
//	  |<------------------- {"cpu_ns":...} |
//	  |  SIGTERM, or the end of its input  |
//	  |----------------------------------->|  exit status 0
//
// A server does not outlive the process that started it, however that ends:
// its standard input ends with it, and Linux kills it as well.
package server
