package backend

// gnetModule is the path of gnet.
const gnetModule = "github.com/panjf2000/gnet/v2"

// Registry is every backend, in the order of the tables. The default list of
// the command line, the tests and the documentation of the flags follow it: a
// backend that is added here is compared.
var Registry = []Backend{
	{
		Name:      Floor,
		About:     "a bare epoll loop without any framework: the limit the others are divided by",
		Serve:     serveFloor,
		Workloads: []Workload{Echo, Room, Slow, HTTP},
	},
	{
		Name:      "reactor",
		About:     "weft's reactor, callbacks on an event loop",
		Serve:     serveReactor,
		Workloads: []Workload{Echo, Room, Slow, HTTP},
	},
	{
		Name:      "prefork",
		About:     "weft's reactor in processes of one loop each, with a master",
		Serve:     servePrefork,
		Workloads: []Workload{Echo, Slow, HTTP},
		Processes: true,
	},
	{
		Name:      "processes",
		About:     "a process per connection, a few of them waiting for the next one",
		Serve:     serveProcesses,
		Workloads: []Workload{Echo, Slow, HTTP},
		Processes: true,
		MaxConns:  maxProcesses,
	},
	{
		Name:      "coro",
		About:     "weft's tasks, one coroutine per connection on an event loop",
		Serve:     serveCoro,
		Workloads: []Workload{Echo, Room, Slow, HTTP},
	},
	{
		Name:      "coro-readable",
		About:     "weft's tasks, a coroutine only while a connection has something to read",
		Serve:     serveCoroReadable,
		Workloads: []Workload{Echo, Slow},
	},
	{
		Name:                   "gnet",
		About:                  "the gnet framework with its default options",
		Module:                 gnetModule,
		Serve:                  serveGnet,
		Workloads:              []Workload{Echo, Room, Slow, HTTP},
		CutsAnswersAtHalfClose: true,
	},
	{
		Name:                   "gnet-tuned",
		About:                  "gnet with its loops locked to threads",
		Module:                 gnetModule,
		Serve:                  serveGnetTuned,
		Workloads:              []Workload{Echo, Room, Slow, HTTP},
		CutsAnswersAtHalfClose: true,
	},
	{
		Name:      "net",
		About:     "package net, one goroutine per connection",
		Serve:     serveNet,
		Workloads: []Workload{Echo, Room, Slow, HTTP},
	},
	{
		Name:      "threads",
		About:     "one locked OS thread with a blocking socket per connection",
		Serve:     serveThreads,
		Workloads: []Workload{Echo, Room, Slow},
	},
	{
		Name:      "node",
		About:     "Node.js, an event loop with callbacks in JavaScript",
		Serve:     serveNode,
		Absent:    absentProgram("apt-get install nodejs", "node"),
		Processes: true,
	},
	{
		Name:      "asyncio",
		About:     "Python's asyncio, an event loop with callbacks",
		Serve:     serveAsyncio,
		Absent:    absentPython("apt-get install python3", "asyncio"),
		Processes: true,
	},
	{
		Name:      "gevent",
		About:     "Python's gevent, greenlets on an event loop",
		Serve:     serveGevent,
		Absent:    absentPython("apt-get install python3-gevent", "gevent"),
		Processes: true,
	},
	{
		Name:      "nginx",
		About:     "nginx, a master and workers of one event loop each",
		Serve:     serveNginx,
		Workloads: []Workload{HTTP},
		Absent:    absentProgram("apt-get install nginx-light", "nginx"),
		Processes: true,
	},
	{
		Name:      "apache-prefork",
		About:     "Apache with mpm_prefork, a process per connection",
		Serve:     serveApache("prefork"),
		Workloads: []Workload{HTTP},
		Absent:    absentProgram("apt-get install apache2-bin", "apache2", "httpd"),
		Processes: true,
		MaxConns:  apacheWorkers,
	},
	{
		Name:      "apache-worker",
		About:     "Apache with mpm_worker, a thread per connection in several processes",
		Serve:     serveApache("worker"),
		Workloads: []Workload{HTTP},
		Absent:    absentProgram("apt-get install apache2-bin", "apache2", "httpd"),
		Processes: true,
		MaxConns:  apacheWorkers,
	},
	{
		Name:      "apache-event",
		About:     "Apache with mpm_event, threads for requests and an event loop for idle connections",
		Serve:     serveApache("event"),
		Workloads: []Workload{HTTP},
		Absent:    absentProgram("apt-get install apache2-bin", "apache2", "httpd"),
		Processes: true,
	},
}
