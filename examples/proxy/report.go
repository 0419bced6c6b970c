package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// report prints the counters. Bytes that are on their way count too.
func (p *proxy) report(out io.Writer) {
	sent, received := make(map[*upstream]int64), make(map[*upstream]int64)
	for _, n := range p.sessions {
		sent[n.upstream] += n.up.moved()
		received[n.upstream] += n.down.moved()
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "upstream\tstate\tconnections\tactive\tfailures\tbytes to it\tbytes from it")
	for _, u := range p.pool.upstreams {
		fmt.Fprintf(table, "%s\t%v\t%d\t%d\t%d\t%d\t%d\n", u.addr, u.state, u.connections, u.active, u.failures,
			u.sent+sent[u], u.received+received[u])
	}
	_ = table.Flush() // to a terminal or a pipe that has gone
	fmt.Fprintf(out, "%d accepted, %d without an upstream, %d idle too long, %d broken off\n",
		p.counts.accepted, p.counts.refused, p.counts.idle, p.counts.broken)
}
