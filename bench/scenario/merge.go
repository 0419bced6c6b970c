package scenario

import "github.com/weft-go/weft/bench/load"

// Merge is what several generators measured that ran at the same time, as if they
// were one. Void is the first reason.
func Merge(outcomes []load.Outcome) load.Outcome {
	var all load.Outcome
	at := map[string]int{}
	for _, o := range outcomes {
		all.CPU += o.CPU
		if all.Void == "" {
			all.Void = o.Void
		}
		for _, m := range o.Groups {
			i, known := at[m.Group]
			if !known {
				at[m.Group] = len(all.Groups)
				all.Groups = append(all.Groups, m)
				continue
			}
			all.Groups[i] = mergeGroup(all.Groups[i], m)
		}
	}
	return all
}

func mergeGroup(a, b load.Measured) load.Measured {
	a.Planned += b.Planned
	a.Sent += b.Sent
	a.Received += b.Received
	a.Elapsed = max(a.Elapsed, b.Elapsed)
	a.Latency = mergeHistograms(a.Latency, b.Latency)
	a.Service = mergeHistograms(a.Service, b.Service)
	a.SendLag = mergeHistograms(a.SendLag, b.SendLag)
	a.Slow = mergeHistograms(a.Slow, b.Slow)
	a.Connect = mergeHistograms(a.Connect, b.Connect)
	a.Skew = mergeHistograms(a.Skew, b.Skew)
	a.PerConn = append(a.PerConn[:len(a.PerConn):len(a.PerConn)], b.PerConn...)
	a.LongestWait = max(a.LongestWait, b.LongestWait)
	a.GeneratorLimited = a.GeneratorLimited || b.GeneratorLimited
	return a
}
