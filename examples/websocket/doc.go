// Websocket is an echo and a chat room for WebSocket clients, on tasks.
//
//	go run ./examples/websocket -addr 127.0.0.1:7000
//
// Then open http://127.0.0.1:7000/ in two windows of a browser, and talk. At
// /echo every message comes back. Ctrl-C says goodbye to everyone with code 1001,
// and ends.
//
// It shows that a library of the net.Conn world runs in tasks as it is, and that
// an idle client costs no stack: every connection is served by ServeReadable,
// whose handler is called when there is something to read.
//
//	 GET / -----------> the page
//	 GET /echo -------> peer --- next message --> the same, back
//	 GET /room -------> peer --- next message --> room --> Broadcast
//	                      ^                                   |
//	                      '------- member.tell, a task <------'
//	                               while there is news
//
//	doc.go        what this is
//	main.go       listening, and what a signal does
//	server.go     a connection: first HTTP, then WebSocket
//	handshake.go  HTTP: one request, an answer or the upgrade
//	origin.go     which pages may join the room
//	peer.go       a WebSocket connection: its states, frames out, the end
//	receive.go    frames in: messages, pings, closes, and what is wrong with them
//	vigil.go      who is silent for too long
//	echo.go       the echo
//	room.go       the room: who is in it, what was said
//	member.go     somebody in the room, and the task that tells the news
//	event.go      what members are told, as JSON
//	page.html     the page
//
// # The library
//
// github.com/gobwas/ws reads and writes frames from and to an io.Reader and
// io.Writer, and keeps nothing between two messages: no goroutine, no buffer, no
// lock. So a connection can be without a task, and what is written is one Write
// of the Conn, which tasks take turns at.
//
// github.com/coder/websocket is the more comfortable one, and the right choice
// behind net/http: there, a listener of weft serves it as any other does. In tasks
// it would not do. It wants an http.ResponseWriter to hijack, which is easy to
// fake; but its connection holds a lock, a Go channel, while it writes. When a
// reader answers a ping while another task of the loop is suspended in a write,
// the first one blocks the thread, and the second, which would release the lock,
// does not run: until a timer of the library's gives up on the connection, seconds
// later, the whole loop stands still. Its timeouts are context.AfterFunc, so
// goroutines, whose calls the Conn has to carry to the loop; and each connection
// keeps a finalizer, buffers, channels and mutexes while it is idle.
//
// What gobwas/ws leaves to its user, and this program does: one Write for a
// frame (its WriteFrame makes two), codes of closes (it takes 5000 for valid, and
// 1013 for invalid), the limit of the handshake, a check of UTF-8 that is fast, and
// everything that has to do with time.
//
// # Silence
//
// Nothing here sets a deadline on a read once a connection is a WebSocket. One
// rule is for all that can go wrong: a peer that was silent for pingAfter is
// sent a ping, and one that owes an answer for answerWithin, a pong or a close,
// is dropped. A peer that has gone without a word does not answer. One that sends
// a message in drops does not either, nor does one that does not read what it is
// sent: the ping is behind that. See vigil.go.
//
// # Costs
//
// An idle client is 345 bytes of the process at /echo and 1.6 KB in the room, where
// it has a name and a place in the news (medians of five runs, of 322 to 355 and
// 1369 to 1925):
//
//	go test ./examples/websocket -run '^$' -bench Idle -benchtime 1x
//
// A message to the room is a write for each member, and one stack for all who
// take it at once. Those who do not have a stack each, of about 6 KB, until they
// take it or are dropped.
//
// # Limits
//
// Every one has a name and a Bound comment. Compression (permessage-deflate) is
// refused, which is what a server may do, and clients go on without: with it, each
// connection keeps its compressor, hundreds of kilobytes, and a message of 1 KB
// may unpack into 1 MB.
package main
