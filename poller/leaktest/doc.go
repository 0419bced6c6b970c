// Package leaktest is the TestMain of weft's packages: it fails a test binary
// that leaves goroutines or descriptors behind.
package leaktest
