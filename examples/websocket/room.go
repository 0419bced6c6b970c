package main

import (
	"context"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/weft-go/weft/coro"
)

const (
	// maxMembers is how many are in the room. Others are refused with statusTryLater.
	//
	// Bound: to say something takes a few microseconds for each of them.
	maxMembers     = 1000
	statusTryLater = ws.StatusCode(1013) // "try again later", in IANA's register

	// maxText is how long a message may be, in bytes.
	maxText = 4 << 10

	// maxName is how long a name may be, in letters.
	maxName = 20

	// newsKept is how many events a member may be behind.
	//
	// Bound: they are kept once for all, so at most 6 MiB: text of control
	// characters is six times as long in JSON.
	newsKept = 256

	// historyKept is how much of what was said newcomers are told.
	historyKept = 50
)

// room is who is here, and what was said. It belongs to the loop: its methods do
// not wait.
//
// What happens is sent once, to a Broadcast, which has no queue for each member
// but one for all. A member who is slow gets it later, and one who is more than
// newsKept events behind is told how many it has missed. A member who takes
// nothing at all for writeWithin is dropped.
type room struct {
	tasks   *coro.Scope
	limit   int                     // maxMembers
	news    *coro.Broadcast[[]byte] // frames, which are the same for all
	members []*member               // in the order in which they came
	history [][]byte                // frames of what was said
	said    int
	due     []*member // whose task is to be started, each once
	noDue   coro.Cond // that due is not empty any more
}

func newRoom(tasks *coro.Scope) *room {
	return &room{tasks: tasks, limit: maxMembers, news: coro.NewBroadcast[[]byte](newsKept)}
}

// enter takes a member in and tells the others.
func (r *room) enter(ctx context.Context, m *member) error {
	if err := checkName(m.name); err != nil {
		return refusal{ws.StatusPolicyViolation, err.Error()}
	}
	if len(r.members) >= r.limit {
		return refusal{statusTryLater, "the room is full"}
	}
	m.name = r.free(m.name)
	if err := r.tell(ctx, event{Kind: "joined", Name: m.name}); err != nil {
		return err
	}
	news, err := r.news.Subscribe(ctx) // from here on: it is told of itself in hello
	if err != nil {
		return err
	}
	r.members = append(r.members, m)
	hello, err := event{Kind: "hello", Name: m.name, Here: r.here()}.frame()
	if err != nil {
		return err
	}
	m.begin(news, append([][]byte{hello}, r.history...))
	return r.wake(ctx, m)
}

// leave takes a member out and tells the others.
func (r *room) leave(ctx context.Context, m *member) error {
	r.members = slices.DeleteFunc(r.members, func(o *member) bool { return o == m })
	return r.tell(ctx, event{Kind: "left", Name: m.name})
}

// say tells everyone what a member says, itself included.
func (r *room) say(ctx context.Context, m *member, text string) error {
	r.said++
	e := event{Kind: "said", Name: m.name, Text: text, Number: r.said}
	frame, err := e.frame()
	if err != nil {
		return err
	}
	if len(r.history) == historyKept {
		r.history = slices.Delete(r.history, 0, 1)
	}
	r.history = append(r.history, frame)
	return r.send(ctx, frame)
}

func (r *room) tell(ctx context.Context, e event) error {
	frame, err := e.frame()
	if err != nil {
		return err
	}
	return r.send(ctx, frame)
}

func (r *room) send(ctx context.Context, frame []byte) error {
	if err := r.news.Send(ctx, frame); err != nil {
		return err
	}
	for _, m := range r.members {
		if err := r.wake(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// wake makes the task start that tells a member the news, if it does not run.
func (r *room) wake(ctx context.Context, m *member) error {
	if m.telling {
		return nil
	}
	m.telling = true
	r.due = append(r.due, m)
	return r.noDue.Signal(ctx)
}

// spread is the task that starts those of the members, one after the other. A
// member's has run when this one goes on, and if its write did not have to wait,
// it has ended, and the next one has its stack. So a message to a thousand members
// takes a thousand short tasks, and the stacks of those who read slowly.
func (r *room) spread(ctx context.Context) error {
	for {
		for len(r.due) == 0 {
			r.due = nil
			if err := r.noDue.Wait(ctx); err != nil {
				return err
			}
		}
		m := r.due[0]
		r.due = r.due[1:]
		if err := r.tasks.Go(m.tell); err != nil {
			return err
		}
		if err := coro.Yield(ctx); err != nil {
			return err
		}
	}
}

func (r *room) here() []string {
	names := make([]string, len(r.members))
	for i, m := range r.members {
		names[i] = m.name
	}
	return names
}

// free is the name, or the name with the first number that nobody has.
func (r *room) free(name string) string {
	here := r.here()
	for free, n := name, 2; ; n++ {
		if !slices.Contains(here, free) {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, n)
	}
}

func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n == 0 || n > maxName {
		return fmt.Errorf("a name has 1 to %d letters", maxName)
	}
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '-' && c != '_' {
			return fmt.Errorf("a name consists of letters, digits, - and _")
		}
	}
	return nil
}
