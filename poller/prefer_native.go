//go:build !weftpoll

package poller

// preferPoll: the build tag weftpoll makes poll(2) the default backend.
const preferPoll = false
