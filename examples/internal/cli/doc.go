// Package cli is the command line that the examples have in common, kept out of
// their way.
package cli
