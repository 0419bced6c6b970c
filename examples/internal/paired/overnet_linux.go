package paired

import "testing"

// startServer starts the example, or the server over package net that Main was given.
func startServer(t *testing.T, weft bool, args []string) *Process {
	t.Helper()
	env := variable + "=1"
	if weft {
		env = variable + "=0"
	}
	return Start(t, Options{
		CPU:  ServerCPU,
		Env:  []string{"GOMAXPROCS=1", env},
		Args: append([]string{"-addr", "127.0.0.1:0"}, args...),
	})
}

// Fresh measures both servers, once per round, each time in a new process: for what
// a process does once. It skips unless WEFT_BARS is set.
func Fresh(t *testing.T, rounds int, measure func(s *Process) float64, args ...string) Figures {
	t.Helper()
	return Rounds(Asked(t, rounds), func(weft bool) float64 {
		s := startServer(t, weft, args)
		defer s.Stop()
		return measure(s)
	})
}

// Alternating measures two servers that run all the while, first the one, then the
// other: the two figures of a round are as close in time as can be. The first round
// does not count. It skips unless WEFT_BARS is set.
func Alternating(t *testing.T, rounds int, measure func(s *Process) float64, args ...string) Figures {
	t.Helper()
	rounds = Asked(t, rounds)
	servers := map[bool]*Process{}
	for _, weft := range []bool{true, false} {
		servers[weft] = startServer(t, weft, args)
		defer servers[weft].Stop()
	}
	of := func(weft bool) float64 { return measure(servers[weft]) }
	Rounds(1, of)
	return Rounds(rounds, of)
}
