package load

import (
	"errors"
	"fmt"
)

// parts divides a load among as few processes as can hold it, fit connections
// each. Every process gets its part of every group.
func (s Spec) parts(fit int) ([]Spec, error) {
	total, room := 0, false
	for _, g := range s.Groups {
		total += g.Conns
		room = room || g.Role == Sender
	}
	if fit < 1 {
		return nil, fmt.Errorf("%w: not even for one connection", ErrDescriptors)
	}
	n := max(1, (total+fit-1)/fit)
	if n > 1 && room {
		return nil, fmt.Errorf("%w: a room has to fit into one process; it has %d connections, and %d fit", ErrDescriptors, total, fit)
	}
	if n > maxProcesses {
		return nil, fmt.Errorf("%w: %d connections need %d processes, of which there may be %d", ErrDescriptors, total, n, maxProcesses)
	}
	all := make([]Spec, n)
	first := s.First
	for i := range all {
		part := s
		part.First, part.ConnectRate, part.Groups = first, s.ConnectRate/float64(n), nil
		for _, g := range s.Groups {
			part.Groups = append(part.Groups, g.part(i, n))
		}
		for _, g := range part.Groups {
			first += g.Conns
		}
		all[i] = part
	}
	return all, nil
}

// maxProcesses bounds how many generator processes there are.
//
// Bound: 64 of them hold a million connections where a process has 20 000
// descriptors, more than the ports and the memory of one machine.
const maxProcesses = 64

// part is the i-th of n parts of a group.
func (g Group) part(i, n int) Group {
	share := func(of int) int { return of*(i+1)/n - of*i/n }
	p := g
	p.Conns = share(g.Conns)
	taking := p.Conns
	if g.Active > 0 {
		p.Active = share(g.Active)
		taking = p.Active
		if p.Active == 0 { // which would mean all
			p.Role, p.Rate, p.Arrivals, p.Rotate = Idle, 0, "", 0
		}
	}
	p.Rate = g.Rate * float64(taking) / float64(g.taking())
	return p
}

// taking is how many connections take part at a time.
func (g Group) taking() int {
	if g.Active > 0 {
		return g.Active
	}
	return g.Conns
}

// mergeOutcomes puts the parts together again.
func mergeOutcomes(parts []*Outcome) (Outcome, error) {
	sum := *parts[0]
	for _, p := range parts[1:] {
		sum.CPU += p.CPU
		if sum.Void == "" {
			sum.Void = p.Void
		}
		for i := range sum.Groups {
			if err := sum.Groups[i].add(&p.Groups[i]); err != nil {
				return Outcome{}, err
			}
		}
	}
	return sum, nil
}

// add adds another process's part of the same group.
func (m *Measured) add(o *Measured) error {
	m.Planned += o.Planned
	m.Sent += o.Sent
	m.Received += o.Received
	m.Dropped += o.Dropped
	m.Elapsed = max(m.Elapsed, o.Elapsed)
	m.LongestWait = max(m.LongestWait, o.LongestWait)
	m.PerConn = append(m.PerConn, o.PerConn...)
	var failures []error
	for _, h := range []struct {
		to   *Histogram
		from Histogram
	}{
		{&m.Latency, o.Latency}, {&m.Service, o.Service}, {&m.SendLag, o.SendLag},
		{&m.Slow, o.Slow}, {&m.Connect, o.Connect}, {&m.Skew, o.Skew},
	} {
		var err error
		*h.to, err = merge(*h.to, h.from)
		failures = append(failures, err)
	}
	var err error
	m.GeneratorLimited, err = generatorLimited(m.SendLag, m.Latency)
	return errors.Join(append(failures, err)...)
}

// generatorLimited reports that the latency is more about the generator's pace
// than about the server.
func generatorLimited(lag, latency Histogram) (bool, error) {
	if lag == "" {
		return false, nil
	}
	l, err := lag.Decode()
	if err != nil {
		return false, err
	}
	whole, err := latency.Decode()
	if err != nil {
		return false, err
	}
	const percentile, share = 99, 0.1
	return float64(l.ValueAtPercentile(percentile)) > share*float64(whole.ValueAtPercentile(percentile)), nil
}
