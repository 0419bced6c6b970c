// Package simchat is a chat room that keeps its word, and the simulated hour that
// shows it: many guests over bad links, a partition, a slow reader, a server that
// crashes and comes back.
//
// What a guest says has a number. The room writes it into a log, once, and then
// acknowledges it. A guest that was cut off comes back, says again what was not
// acknowledged, and is told the log from where it had got to:
//
//	guest                          room
//	  | hello ann 0                  |
//	  | say 1 good morning           |
//	  |                              | log: 0 ann 1 good morning
//	  | <------------------- ack 1   |
//	  | <-- line 0 ann 1 good morn.. |
//	  |         (cut off)            |
//	  | hello ann 1                  |
//	  | say 2 are you still there    |
//
// The promises, which the test holds both to: what was acknowledged is in the log
// exactly once, each speaker's words in order, and every guest hears all of the
// log, each line once. The test is in room_test.go; it is what to copy for a
// server of one's own.
package simchat
