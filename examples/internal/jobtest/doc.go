// Package jobtest is what the three programs of examples/models promise.
package jobtest
