// Package paired compares an example with another server that does the same, mostly
// one over package net that its tests have. Each is a process of its own on CPU 0; the
// load is on CPU 1; the two take turns, in an order that is drawn, so that what else
// the machine does hits both.
//
// It is for tests that are asked for by WEFT_BARS=1, since they take a minute. A number
// above 1 is that of rounds.
package paired
