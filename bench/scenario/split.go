package scenario

import "github.com/weft-go/weft/bench/load"

// Total is how many connections groups have at a time.
func Total(groups []load.Group) (conns int) {
	for _, g := range groups {
		conns += g.Conns
	}
	return conns
}

// Split divides groups among that many generators: connections, active ones and
// rates in equal parts, the first ones getting what is left over. A generator
// whose part of a group is nothing does not have that group; one that has no group
// is left out.
func Split(groups []load.Group, parts int) [][]load.Group {
	out := make([][]load.Group, 0, parts)
	for i := range parts {
		var mine []load.Group
		for _, g := range groups {
			part := share(g.Conns, parts, i)
			if part == 0 {
				continue
			}
			all := g.Conns
			g.Conns = part
			g.Rate *= float64(part) / float64(all)
			if g.Active > 0 {
				// At least one: 0 would be all of them.
				g.Active = max(1, share(g.Active, parts, i))
			}
			mine = append(mine, g)
		}
		if len(mine) > 0 {
			out = append(out, mine)
		}
	}
	return out
}

// share is part i, from 0, of n things in equal parts.
func share(n, parts, i int) int {
	s := n / parts
	if i < n%parts {
		s++
	}
	return s
}
