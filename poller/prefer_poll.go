//go:build weftpoll

package poller

// preferPoll: see prefer_native.go.
const preferPoll = true
