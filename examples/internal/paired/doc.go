// Package paired compares two servers that do the same: weft's example, and one
// over package net that its tests have. Each is a process of its own, on CPU 0 and
// with GOMAXPROCS=1; the load is on CPU 1; the two take turns, in an order that is
// drawn, so that what else the machine does hits both.
//
// It is for tests that are asked for by WEFT_BARS=1, since they take a minute.
package paired
