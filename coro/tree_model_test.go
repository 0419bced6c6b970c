package coro

import (
	"context"
	"errors"
	"slices"
)

// treeModel is the dumbest model of cancellation: all nodes in one list, and a
// cancellation goes through it and asks of each whether it is inside, with no
// shield in between.
type treeModel struct{ nodes []*treeNode }

// treeNode is a WithScope, the daemons of one, a Timeout or a Shield.
type treeNode struct {
	parent   *treeNode
	shielded bool
	ctx      context.Context // the one that its function got
	cause    error           // why it is cancelled
	// unsure: something that another goroutine, or a task that is ready, will
	// do may have cancelled it, or not yet.
	unsure bool

	scope    *Scope             // of a WithScope; nil otherwise
	helpers  *treeNode          // its daemons
	foreign  context.CancelFunc // of the context that it was made under; nil for its parent's
	children int                // tasks that have not ended, but for daemons
	daemons  int
	bodyDone bool
	failures []error // of its body, its tasks and its daemons
}

func (m *treeModel) open(n *treeNode) *treeNode {
	if n.parent != nil && !n.shielded {
		n.cause = n.parent.cause
	}
	m.nodes = append(m.nodes, n)
	return n
}

func (m *treeModel) close(n *treeNode) {
	m.nodes = slices.DeleteFunc(m.nodes, func(o *treeNode) bool { return o == n })
}

func (m *treeModel) cancel(n *treeNode, cause error) {
	for _, inner := range m.nodes { // parents come before what is in them
		if inner.cause == nil && inner.within(n) {
			inner.cause = cause
		}
	}
}

// within reports whether a cancellation of n reaches inner.
func (inner *treeNode) within(n *treeNode) bool {
	for at := inner; at != nil; at = at.parent {
		if at == n {
			return true
		}
		if at.shielded {
			return false
		}
	}
	return false
}

// mayBeCancelled reports whether it is unsure for n, or for what n is in.
func (n *treeNode) mayBeCancelled() bool {
	for at := n; at != nil; at = at.parent {
		if at.unsure {
			return true
		}
		if at.shielded {
			return false
		}
	}
	return false
}

// inShield reports whether waiting for ever would be for ever.
func (n *treeNode) inShield() bool {
	return n != nil && (n.shielded || n.parent.inShield())
}

// outward is n and what it is in, from the innermost.
func (n *treeNode) outward() []*treeNode {
	var chain []*treeNode
	for ; n != nil; n = n.parent {
		chain = append(chain, n)
	}
	return chain
}

// taskEnded is the end, with err, of a task in n, or of a daemon: a failure that
// is not only what an operation failed with, when failed is true.
func (m *treeModel) taskEnded(n *treeNode, daemon bool, err error, failed bool) {
	if failed {
		n.failures = append(n.failures, err)
	}
	in := n
	if daemon {
		in = n.helpers
		n.daemons--
	} else {
		n.children--
	}
	switch {
	case err == nil:
	case failed || in.cause == nil && !in.mayBeCancelled():
		m.cancel(n, err)
	case daemon, in.mayBeCancelled():
		n.unsure = true // an echo of the end of the daemons, or a timeout inside
	}
	m.onlyDaemons(n)
}

// bodyEnded is the same for the scope's body.
func (m *treeModel) bodyEnded(n *treeNode, err error, failed bool) {
	n.children++
	n.bodyDone = true
	m.taskEnded(n, false, err, failed)
}

// onlyDaemons: those that are left are cancelled as soon as the task that waits
// for them runs.
func (m *treeModel) onlyDaemons(n *treeNode) {
	if n.bodyDone && n.children == 0 && n.helpers != nil {
		n.helpers.unsure = true
	}
}

// sameCause reports whether an operation failed for the model's reason. A panic
// is the cause as a *PanicError, which the model does not have.
func sameCause(got, want error) bool {
	var a, b *TimeoutError
	if errors.As(want, &b) {
		return errors.As(got, &a) && a.Limit == b.Limit
	}
	return errors.Is(got, want)
}
