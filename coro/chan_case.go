package coro

// RecvCase is the case that there is a value in c, which is put into v. With a
// closed c it is chosen too, with ErrChanClosed, when nothing is left. A nil c is
// never ready, and a nil v is for a value that is not needed.
func (c *Chan[T]) RecvCase(v *T) Case {
	if c == nil {
		return Case{}
	}
	return Case{kind: caseObject, of: &chanRecv[T]{c, orDropped(v)}}
}

// orDropped is a place for a value nobody wants.
func orDropped[T any](v *T) *T {
	if v == nil {
		v = new(T)
	}
	return v
}

// SendCase is the case that v can be sent to c. With a closed c it is chosen too,
// with ErrChanClosed. A nil c is never ready.
func (c *Chan[T]) SendCase(v T) Case {
	if c == nil {
		return Case{}
	}
	return Case{kind: caseObject, of: &chanSend[T]{c, v}}
}

type chanRecv[T any] struct {
	c *Chan[T]
	v *T
}

func (r *chanRecv[T]) at() *home { return &r.c.home }

func (r *chanRecv[T]) poll() (done bool, err error) {
	if r.c.take(r.v) {
		return true, nil
	}
	if r.c.closed {
		return true, ErrChanClosed
	}
	return false, nil
}

func (r *chanRecv[T]) join(t *task) any {
	var none T
	return r.c.receivers.join(t, none)
}

func (r *chanRecv[T]) leave(w any) bool {
	v, done := r.c.receivers.leave(w.(*waiterOf[T]))
	if done {
		*r.v = v // the zero value, if c was closed
	}
	return done
}

type chanSend[T any] struct {
	c *Chan[T]
	v T
}

func (s *chanSend[T]) at() *home { return &s.c.home }

func (s *chanSend[T]) poll() (done bool, err error) {
	if s.c.closed {
		return true, ErrChanClosed
	}
	return s.c.offer(s.v), nil
}

func (s *chanSend[T]) join(t *task) any { return s.c.senders.join(t, s.v) }

func (s *chanSend[T]) leave(w any) bool {
	_, done := s.c.senders.leave(w.(*waiterOf[T]))
	return done
}
