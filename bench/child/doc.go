// Package child starts this program again as a process that is spoken to in
// lines: commands on its standard input, answers on its standard output. Servers
// and generators are such processes.
//
// A child does not outlive the process that started it, however that ends: its
// standard input ends with it, and Linux kills it as well.
package child
