// Package reactor is weft's event loop: it turns the readiness that package
// poller reports into callbacks, on one goroutine for each loop.
//
// A [Loop] waits for descriptors, timers and posted functions. A [Source] is a
// descriptor on it. A [Conn] is a stream connection that calls a [Handler];
// it comes from a [Listener] or from [Loop.Dial]. A [Group] is several loops
// that serve one address.
//
// # One turn
//
//	  .---------------------------------------------------.
//	  |                                                   |
//	  v                                                   |
//	clock        read once; all phases agree on it        |
//	  |                                                   |
//	timers       due timers, passed deadlines             |
//	  |                                                   |
//	batch        tasks and posted functions, FIFO         |
//	  |                                                   |
//	flush        what all of these wrote                  |
//	  |                                                   |
//	wait         the only place where the loop sleeps     |
//	  |                                                   |
//	events       connections read, answer, flush          |
//	  |                                                   |
//	closes       descriptors, then OnClose                |
//	  |                                                   |
//	  '---------------------------------------------------'
//
// Every phase has a budget, named in [Limits]. What is over it is carried to
// the next turn, which then does not sleep. So one connection that never stops
// sending, or one function that always posts itself again, costs the others a
// budget's length of time in each turn, and no more.
//
// # Rules
//
// Everything on a loop belongs to the loop's goroutine: handlers, timers and
// posted functions run there and may call anything. Other goroutines may call
// [Loop.Post], [Loop.Stop] and [Loop.Activity]. Nothing that a callback can call waits for the
// loop, so nothing can deadlock on it; [Loop.Run] and [Loop.Turn] from a
// callback are refused with [ErrRunning].
//
// A callback that blocks or computes for long stops every connection of the
// loop for that time. That is the price of having no locks; package coro and
// several loops are the two ways to live with it.
//
// A panic in a handler costs its connection, one in a posted function or timer
// costs nothing else. It is reported to Options.Logger with its stack.
//
// # Watching a loop
//
// [Loop.Stats] copies the loop's counters: what it did, how often each budget
// was used up, how long it was at work and asleep, and two histograms, of the
// time between two waits and of how late timers fired. They are always on. It
// belongs to the loop's goroutine, so others ask for it with Post.
//
// [Loop.Activity] is for those who cannot wait for the loop to answer: a watchdog
// on another goroutine reads whether the loop is at work, and since when. If that
// is long ago, a callback blocks or computes, and a dump of the goroutines' stacks
// names it.
package reactor
