// Package pin decides which processors the server and the generator run on,
// and puts them there.
//
// On a machine with two processors, where a thread runs decides more than what
// it does: a round trip between two processes takes three to five times as
// long across processors as on one. So the placement is chosen, printed and
// stored with the figures, and figures of different layouts are never
// compared.
package pin
