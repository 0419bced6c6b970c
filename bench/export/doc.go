// Package export writes a result file in the forms that other programs read:
// comma-separated values for spreadsheets, the Go benchmark format for benchstat,
// and the percentile files of HdrHistogram for its plotters.
package export
