// Package result is the form in which the laboratory keeps what it measured: one
// line of JSON per sample, written as soon as it is taken, so that a run that is
// interrupted or killed keeps what it has.
//
//	{"kind":"run", ...}      once, first: the machine, the settings, the order
//	{"kind":"sample", ...}   one run of one server process
//	{"kind":"model", ...}    one figure about a concurrency model: so far, see Writer.Replace
//	{"kind":"end", ...}      once, last; missing if the run was killed
//
// Other packages read it and nothing else: tables, plots and comparisons are made
// from a file, never from a run that is under way.
package result
