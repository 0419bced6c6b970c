package coro

import (
	"fmt"
	"hash/maphash"
	"time"
)

// node is a task or a scope in the tree that Dump writes.
//
//	task                   spawned in the scope above it
//	 '-- scope             that the task runs
//	      |-- scope        that it runs inside that
//	      '-- task
type node struct {
	task   *taskShot  // or
	scope  *scopeShot // one of the two
	inside []*node
	more   int    // siblings that do the same, folded into this one
	shape  uint64 // equal for nodes that do the same
}

// foldOver is how many tasks that do the same are shown one by one.
const foldOver = 2

// tree is the snapshot as the tasks that have no parent. The scope of main is left
// out, since it has one task.
func (s *snapshot) tree() []*node {
	scopes := make([]*node, len(s.scopes))
	for i := range s.scopes {
		scopes[i] = &node{scope: &s.scopes[i]}
	}
	tasks := make(map[uint64]*node, len(s.tasks))
	for i := range s.tasks {
		tasks[s.tasks[i].id] = &node{task: &s.tasks[i]}
	}
	// A scope stands below the one around it, if both have one owner, else below
	// its owner.
	var top []*node
	for i, scope := range s.scopes {
		owner := tasks[s.bodyOf(i)]
		switch {
		case owner == nil && scope.around < 0:
			top = append(top, scopes[i])
		case scope.around >= 0 && (owner == nil || s.bodyOf(scope.around) == owner.task.id):
			scopes[scope.around].inside = append(scopes[scope.around].inside, scopes[i])
		default:
			owner.inside = append(owner.inside, scopes[i])
		}
	}
	for i := range s.tasks {
		t := tasks[s.tasks[i].id]
		in := t.task.scope
		if s.scopes[in].kind == scopeOne {
			in = s.scopes[in].around // 15 000 handlers with limits are one line, as without
		}
		scopes[in].inside = append(scopes[in].inside, t)
	}
	seed := maphash.MakeSeed()
	var roots []*node
	for _, n := range top {
		n.fold(seed)
		switch {
		case n.scope.kind == scopeOfMain && n.scope.cause == nil:
			roots = append(roots, n.inside...)
		case len(n.inside) > 0:
			roots = append(roots, n)
		}
	}
	return roots
}

// fold makes one node of siblings that do the same, from the leaves up, and gives
// every node its shape.
func (n *node) fold(seed maphash.Seed) {
	var h maphash.Hash
	h.SetSeed(seed)
	groups := make(map[uint64][]*node)
	for _, child := range n.inside {
		child.fold(seed)
		groups[child.shape] = append(groups[child.shape], child)
	}
	kept := n.inside[:0:0]
	for _, child := range n.inside {
		group := groups[child.shape]
		switch {
		case child.scope != nil && (child.scope.kind == scopeDaemons || child.scope.kind == scopeOne) && len(child.inside) == 0:
			// they have ended, or its task stands outside of it
		case len(group) <= foldOver || child.scope != nil:
			kept = append(kept, child)
		case child == group[0]:
			longest := child
			for _, other := range group {
				if other.task.since < longest.task.since {
					longest = other
				}
			}
			longest.more = len(group) - 1
			kept = append(kept, longest)
		}
	}
	n.inside = kept
	maphash.WriteComparable(&h, n.doing())
	for _, child := range n.inside {
		maphash.WriteComparable(&h, [2]uint64{child.shape, uint64(child.more)})
	}
	n.shape = h.Sum64()
}

// doing is what has to be equal for two nodes to do the same.
type doing struct {
	words string // a task's name, or why a scope was cancelled
	scope scopeKind
	site  uintptr // 0 for a scope
	state TaskState
	waits waitKind
	end   endpointKind
}

func (n *node) doing() doing {
	if t := n.task; t != nil {
		return doing{words: t.name, site: t.site, state: t.state, waits: t.waits, end: t.source.end()}
	}
	d := doing{scope: n.scope.kind}
	if n.scope.cause != nil {
		d.words = n.scope.cause.Error()
	}
	return d
}

func (n *node) taskWords() string {
	words := fmt.Sprintf("task %d", n.task.id)
	if n.task.name != "" {
		words += fmt.Sprintf(" %q", n.task.name)
	}
	if n.task.served {
		words += ", handler of " + n.task.peer.String()
	}
	return words
}

// stateWords are what a task waits for, or its state if it does not wait.
func (n *node) stateWords() string {
	if n.task.state != TaskParked {
		return n.task.state.String()
	}
	return n.task.waitsFor()
}

func (n *node) scopeWords(now time.Duration) string {
	words := n.scope.kind.String()
	switch left := n.scope.deadline - now; {
	case n.scope.deadline == 0:
	case left > 0:
		words += fmt.Sprintf(", %v left", rounded(left))
	default:
		words += ", over"
	}
	if n.scope.resting > 0 {
		words += ", " + count(uint64(n.scope.resting), "idle connection")
	}
	if n.scope.cause != nil {
		words += fmt.Sprintf(", cancelled: %v", n.scope.cause)
	}
	return words
}
