// Package prefork runs a server as a master and workers: processes of one program,
// with an event loop in each, that can be replaced one by one while the port stays
// open and the clients stay connected.
//
// Two things are in it. A [Master] starts workers, watches them, and carries out
// reloads and upgrades; what a worker does is any function, with any kind of loop. A
// [Server] is the one for reactor.Handler, in five layouts.
//
// # Models
//
// A [Model] is the layout of the same handler. Each has its price.
//
// ModelSingle: nothing to hand over, nothing shared, one processor.
//
//	clients ---> [ loop ]
//
// ModelLoops: all processors and one heap. Connections are spread by Post. A crash
// ends everybody's.
//
//	          .-------------------.
//	clients ->| loop  loop  loop  |
//	          '-------------------'
//
// ModelPrefork: a crash ends a worker's connections, a leak a worker's memory; a
// descriptor limit is a worker's. Nothing is shared but by messages.
//
//	          .--------.
//	          | master |  starts and watches, serves nothing
//	          '--------'
//	           /   |   \
//	clients ->[w] [w] [w]   one process and one loop each
//
// ModelHybrid: the two together: fewer processes to crash, caches shared by M loops.
//
//	              .--------.
//	              | master |
//	              '--------'
//	               /      \
//	clients ->[loop loop] [loop loop]
//
// ModelPerConn: the oldest one. A process waits, accepts once, and ends with its
// connection. Isolation is complete, and costs some megabytes and milliseconds for
// each connection; the milliseconds are spent before it comes.
//
//	             .--------.
//	             | master |  keeps a few waiting
//	             '--------'
//	            /   /   |   \
//	client --> [w] [w] [w]  [ waiting ]
//
// # How processes find each other
//
// The master opens the listeners once and starts its own program again, with the
// same arguments. An environment variable tells the process that it is a worker;
// descriptor 3 is a socket to the master, and those behind it are the listeners:
//
//	master                         worker
//	  | listeners ------ fork, exec ---->| the same open sockets
//	  |                                  |
//	  |==== socket pair: frames =========|
//	      <- ready, heartbeats, reports
//	      -> configuration, drain, stop
//	      <> messages, requests, replies
//	      <> connections (SCM_RIGHTS)
//
// So [Master.Run] is called by the program in each of its processes, by the same
// way, and does something else in each.
//
// # What never happens to the port
//
// It never refuses: the sockets are open in the master all the time, and the kernel
// queues connections there while nobody accepts. That holds for a worker that is
// killed, for all of them at once, for a reload and for an upgrade, in which the two
// masters have them open together.
//
// # Reload, upgrade, and connections that move
//
// A reload starts a new generation of workers. When all of them have said that they
// serve, the old ones are told to drain: they close their listeners and hand their
// connections over, each at a moment when nothing of it is in flight. A connection
// is a descriptor, the bytes received and not consumed, and what its handler wants
// to take along: see [Mover] and Server.Resume. What its peer sends meanwhile is in
// the socket, which does not notice that it moves. Servers that close idle
// connections instead lose the request that is just on its way; that race cannot be
// won from one side.
//
// A handler that is no Mover keeps its connections: they go on in the old worker
// until they end, or Master.DrainTimeout is over. A [Drainer] is told, so that it
// can say goodbye in its protocol.
//
// An upgrade does the same with a new master, started from the file that is in the
// program's place now. Workers of a master are always its own program, though: on
// Linux they are started from the running one, whatever the file has become.
//
// If anything of the new fails before all of it serves, a configuration, a worker,
// the program itself, the old one goes on, and the log says why.
//
// # Signals
//
//	INT, TERM   end at once            QUIT    finish, then end
//	HUP         reload                 USR2    upgrade
//	WINCH       retire all workers     TTIN    one worker more
//	                                   TTOU    one worker fewer
//
// They go to the master. A worker obeys TERM and QUIT itself and ignores the others,
// which a terminal sends to all processes together. SIGQUIT has no dump of stacks
// here; SIGABRT has.
//
// systemd is told READY, RELOADING, MAINPID, STOPPING and WATCHDOG, and sockets that
// it has opened are used, if their name or address is in Master.Listen.
//
// # Workers that end
//
// One that ends by itself is replaced: at once, then with growing pauses, and after
// some times in a row the master gives up ([RestartPolicy]). One whose loops stand
// still sends no heartbeat, and is killed and replaced; before, it is made to print
// the stacks of its goroutines. When the master ends in whatever way, so do its
// workers: by a signal of the kernel's on Linux, by the end of the link elsewhere.
// What workers started themselves is theirs to end.
//
// # How connections come to workers
//
// See [Spread]. Measured on two virtual CPUs, 2000 connections in bursts of 200 to
// four workers, most and fewest of a worker:
//
//	shared socket       783, 260   whoever is awake takes what there is
//	SO_REUSEPORT        523, 473   a hash
//	least connections   500, 500
//
// # Costs
//
// Measured on Linux 6.18 and Go 1.26, two virtual CPUs; DESIGN.md has the commands:
// a worker serves 2 to 20 ms after its start; a killed one is replaced in that time.
// A worker is a Go program of its own, with some megabytes and a garbage collector.
// Passing a connection to another process is two messages through the master.
//
// # Elsewhere
//
// Linux is what this is tested on. On darwin and the BSDs it compiles; on other
// systems Run returns errors.ErrUnsupported.
package prefork
