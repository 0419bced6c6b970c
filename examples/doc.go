// Package examples holds weft's example programs, one in each folder, as a
// ladder: read them in this order.
//
//	pollecho   an echo server on the bare poller: one loop, by hand
//	echo       the same in callbacks, on the reactor
//	coroecho   the same as straight-line code, in tasks
//	chat       several tasks that share state, without a lock
//	redis      a protocol that others defined, with their clients
//	prefork    processes: reloads and upgrades while clients stay connected
//	proxy      a TCP proxy: two flows for each client, health checks, splice
//	fetch      a client: net/http's, many pages at a time
//	jobs       a master and workers without sockets
//	websocket  a library of the net.Conn world: WebSocket, idle without a stack
//
// All but fetch and jobs take -addr, and all end on Ctrl-C. Its own tests are the rules
// of the tree.
package examples
