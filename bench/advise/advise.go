package advise

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/weft-go/weft/bench/models"
)

// ErrNone: every model breaks a rule.
var ErrNone = errors.New("no model meets this")

// closeScores is how near two scores are that are called equal.
//
// Bound: a tenth of a machine; figures of two runs differ by as much.
const closeScores = 0.1

// Verdict is what is said about one model.
type Verdict struct {
	Model, About string
	Isolation    Isolation
	// Broken is the rule that it does not keep, and why; empty if it keeps all.
	Broken string
	// Memory is what its connections take, in bytes; Overhead the part of a
	// request's CPU time that goes into waking its handler; Wake that in us.
	Memory, Overhead, Wake float64
	// Score is the cost, from 0; less is better.
	Score float64
}

// Answer is the advice.
type Answer struct {
	Chosen Verdict
	Reason string
	// RunnerUp is the second, if there is one, and Against is why not.
	RunnerUp *Verdict
	Against  string
	// Others are the rest, in the order of the candidates.
	Others []Verdict
	// Sockets is the part of every Verdict's Memory that the kernel holds for the
	// connections; 0 where that was not measured.
	Sockets float64
}

// Ask answers a question by the figures of t. Error: ErrNone; the answer has the
// verdicts then, in Others.
func Ask(q Question, t models.Table) (Answer, error) {
	var kept, broken []Verdict
	for _, c := range candidates {
		v := judge(q, c, t)
		if v.Broken == "" {
			kept = append(kept, v)
		} else {
			broken = append(broken, v)
		}
	}
	if len(kept) == 0 {
		return Answer{Others: broken, Sockets: sockets(q, t)}, ErrNone
	}
	first := choose(kept)
	a := Answer{Chosen: kept[first], Others: broken, Sockets: sockets(q, t)}
	rest := slices.Delete(slices.Clone(kept), first, first+1)
	if len(rest) == 0 {
		a.Reason = "every other model breaks a rule"
		return a, nil
	}
	second := choose(rest)
	runnerUp := rest[second]
	a.RunnerUp = &runnerUp
	a.Reason, a.Against = compare(a.Chosen, runnerUp)
	a.Others = append(slices.Delete(rest, second, second+1), broken...)
	return a, nil
}

func judge(q Question, c candidate, t models.Table) Verdict {
	v := Verdict{Model: c.model, About: c.describe(q), Isolation: c.isolation}
	for _, r := range rules {
		if why := r.broken(q, c, t); why != "" {
			v.Broken = why
			return v
		}
	}
	v.Memory, _ = c.memory(q, t)
	v.Wake, _ = c.wake(q, t)
	v.Overhead = v.Wake / (v.Wake + float64(q.CPUPerRequest.Nanoseconds())/1e3)
	v.Score = q.Active*v.Overhead + v.Memory/float64(q.Memory)
	return v
}

// choose is the first, that is the easiest, of those that are close to the best.
func choose(all []Verdict) int {
	best := slices.MinFunc(all, func(a, b Verdict) int { return cmp.Compare(a.Score, b.Score) }).Score
	return slices.IndexFunc(all, func(v Verdict) bool { return v.Score <= best+closeScores })
}

// compare says why the one and not the other.
func compare(chosen, other Verdict) (reason, against string) {
	against = fmt.Sprintf("%s of memory against %s, %s of a request's CPU time to wake its handler against %s",
		models.Bytes(other.Memory), models.Bytes(chosen.Memory), models.Percent(other.Overhead), models.Percent(chosen.Overhead))
	if other.Score > chosen.Score+closeScores || ease(other.Model) < ease(chosen.Model) {
		return "it costs the least here", "costs more: " + against
	}
	gain := "gains little"
	if other.Score >= chosen.Score {
		gain = "gains nothing"
	}
	return "it is the easiest to write of those that cost about the same here", "harder to write, and " + gain + ": " + against
}

// ease is a model's place among those that are easier to write.
func ease(model string) int {
	return slices.IndexFunc(candidates, func(c candidate) bool { return c.model == model })
}
