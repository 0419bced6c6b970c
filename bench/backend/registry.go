package backend

// gnetModule is the path of gnet.
const gnetModule = "github.com/panjf2000/gnet/v2"

// Registry is every backend, in the order of the tables. The default list of
// the command line, the tests and the documentation of the flags follow it: a
// backend that is added here is compared.
var Registry = []Backend{
	{
		Name:  Floor,
		About: "a bare epoll loop without any framework: the limit the others are divided by",
		Serve: serveFloor,
	},
	{
		Name:  "reactor",
		About: "weft's reactor, callbacks on an event loop",
		Serve: serveReactor,
	},
	{
		Name:      "prefork",
		About:     "weft's reactor in processes of one loop each, with a master",
		Serve:     servePrefork,
		Processes: true,
	},
	{
		Name:      "processes",
		About:     "a process per connection, a few of them waiting for the next one",
		Serve:     serveProcesses,
		Processes: true,
		MaxConns:  maxProcesses,
	},
	{
		Name:  "coro",
		About: "weft's tasks, one coroutine per connection on an event loop",
		Serve: serveCoro,
	},
	{
		Name:  "coro-readable",
		About: "weft's tasks, a coroutine only while a connection has something to read",
		Serve: serveCoroReadable,
	},
	{
		Name:                   "gnet",
		About:                  "the gnet framework with its default options",
		Module:                 gnetModule,
		Serve:                  serveGnet,
		CutsAnswersAtHalfClose: true,
	},
	{
		Name:                   "gnet-tuned",
		About:                  "gnet with its loops locked to threads",
		Module:                 gnetModule,
		Serve:                  serveGnetTuned,
		CutsAnswersAtHalfClose: true,
	},
	{
		Name:  "net",
		About: "package net, one goroutine per connection",
		Serve: serveNet,
	},
	{
		Name:  "threads",
		About: "one locked OS thread with a blocking socket per connection",
		Serve: serveThreads,
	},
}
