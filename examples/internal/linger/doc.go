// Package linger is the end of a connection whose last words should arrive.
package linger
