package coro

// RecvCase is the case that there is a value, which is put into v. With a closed
// Inbox it is chosen too, with ErrChanClosed, when nothing is left. A nil v is
// for a value that is not needed.
func (in *Inbox[T]) RecvCase(v *T) Case {
	return Case{kind: caseObject, of: &inboxRecv[T]{in, orDropped(v)}}
}

type inboxRecv[T any] struct {
	in *Inbox[T]
	v  *T
}

func (r *inboxRecv[T]) at() *home                    { return &r.in.home }
func (r *inboxRecv[T]) poll() (done bool, err error) { return r.in.take(r.v) }
func (r *inboxRecv[T]) join(t *task) any             { return r.in.join(t) }

func (r *inboxRecv[T]) leave(w any) bool {
	v, done := r.in.leave(w.(*waiterOf[T]))
	if done {
		*r.v = v
	}
	return done
}
