// Package examples holds weft's example programs, one in each folder, as a
// ladder: read them in this order.
//
//	pollecho   an echo server on the bare poller: one loop, by hand
//	echo       the same in callbacks, on the reactor
//	coroecho   the same as straight-line code, in tasks
//	udpecho    datagrams, in batches
//	chat       several tasks that share state, without a lock
//	simchat    a room that acknowledges, tested in a simulated network
//	prefork    processes: reloads and upgrades while clients stay connected
//	jobs       a master and workers without sockets
//	models     the same three jobs as processes, as threads, as coroutines
//
// Then the protocols and libraries that programs are made of, as they are, in tasks:
//
//	tls        crypto/tls
//	http       HTTP/1.1 by fasthttp, also over TLS
//	websocket  WebSocket by gobwas/ws, idle without a stack
//	redis      the Redis protocol, on one loop without a lock
//	proxy      a TCP proxy: two flows for each client, health checks, splice
//	fetch      a client: net/http's, many pages at a time
//
// All but fetch, jobs and models take -addr, and all end on Ctrl-C. Its own tests are the rules
// of the tree.
package examples
