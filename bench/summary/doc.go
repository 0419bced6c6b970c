// Package summary turns the samples of a file into what can be said about them:
// for every point, backend and metric a median with its interval, and the paired
// comparison with the reference backend. Tables, plots, comparisons and advice are
// all made from a [Summary], so they cannot disagree.
package summary
