// Package inprocess runs a server of an example in the process of its test, where the
// test sees its tasks. Package child is for servers as their users see them.
package inprocess
