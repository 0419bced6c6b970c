package pollertest

import (
	"testing"

	"github.com/weft-go/weft/poller"
)

// Opener opens the OS under test for one sub-test. The suite closes it.
type Opener func(t *testing.T, c poller.Config) poller.OS

// sentence is one promise of the contract and its test.
type sentence struct {
	says   string
	test   func(t *testing.T, l *Loop)
	config poller.Config
}

// Run runs the whole suite.
func Run(t *testing.T, open Opener) {
	for _, concept := range []struct {
		name      string
		sentences []sentence
	}{
		{"registration", registration},
		{"readiness", readiness},
		{"wait", wait},
		{"wake", wake},
		{"clock", clock},
		{"accept", accept},
		{"connect", connect},
		{"read", read},
		{"write", write},
		{"close", closing},
		{"unix", unixSockets},
		{"options", options},
		{"peek", peek},
		{"packets", packets},
		{"packet sockets", packetSockets},
		{"multicast", multicast},
		{"transfer", transfer},
	} {
		t.Run(concept.name, func(t *testing.T) {
			for _, s := range concept.sentences {
				t.Run(s.says, func(t *testing.T) { s.test(t, NewLoop(t, open(t, s.config))) })
			}
		})
	}
}
