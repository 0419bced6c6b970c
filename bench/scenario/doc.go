// Package scenario holds the questions that the laboratory asks of a server, one
// file each. A [Scenario] is data and pure functions: where it is measured, which
// connections do what, and how what was read becomes figures. Processes, rounds
// and clocks are the affair of package lab.
//
//	axes  ->  Groups  ->  a load  ->  Reading  ->  Figures
//
// A new question is a file here and a line in [All].
package scenario
