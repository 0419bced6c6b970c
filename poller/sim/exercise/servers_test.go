package exercise

import (
	"fmt"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

// address is where a server listens.
type address struct {
	network string
	at      string // for those who dial
	listen  string
	shared  bool // with other servers, by SO_REUSEPORT
}

const unixPath = "/run/exercise.socket"

// populate makes the hosts and starts the servers.
func (r *run) populate() {
	r.server = r.world.Host("server")
	kinds := []struct {
		name  string
		start func(name string, at address) func(poller.OS) error
	}{{"tasks", r.taskServer}, {"stackless", r.stacklessServer}, {"callbacks", r.callbackServer}}
	serve := func(kind int, name string, at address) {
		r.served = append(r.served, name)
		r.program(r.server, name, kinds[kind].start(name, at))
	}
	for _, i := range r.rng.Perm(len(kinds))[:1+r.rng.IntN(2)] {
		at := address{"tcp", fmt.Sprintf("%v:%d", r.server.Addr(), 7+i), fmt.Sprint(":", 7+i), r.chance(20)}
		r.addresses = append(r.addresses, at)
		serve(i, kinds[i].name, at)
		if at.shared { // several loops for one port, as those of coro.Server
			serve(i, kinds[i].name+" again", at)
		}
	}
	if r.unix {
		at := address{"unix", unixPath, unixPath, false}
		r.addresses = append(r.addresses, at)
		kind := r.rng.IntN(len(kinds))
		serve(kind, kinds[kind].name+" at a path", at)
	}
	for _, desk := range [][2]string{{"udp", fmt.Sprint(":", deskPort)}, {"unixgram", deskPath}} {
		r.served = append(r.served, desk[0])
		r.program(r.server, desk[0], r.desk(desk[0], desk[0], desk[1]))
	}
	for i := range 1 + r.rng.IntN(3) {
		r.clients = append(r.clients, r.world.Host(fmt.Sprint("client", i)))
	}
}

// target is one of the servers that can be dialled from a host.
func (r *run) target(from *sim.Host) address {
	n := len(r.addresses)
	if from != r.server && r.unix {
		n-- // the Unix socket is the last one
	}
	return r.addresses[r.rng.IntN(n)]
}
