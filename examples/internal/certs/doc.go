// Package certs is how examples come to their certificates: from files, or made
// for trying out.
package certs
