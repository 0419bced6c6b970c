package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// Control is the generator process's side: it serves requests until the input ends
// or says close. It never ends by itself: what goes wrong is an answer. The end of
// the input, which is also the end of the process at its other end, stops a run
// that is under way. Errors: those of a broken input or output.
func Control(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	requests := make(chan request)
	broken := make(chan error, 1)
	// It ends with the process: a read of the standard input cannot be
	// interrupted.
	go func() {
		defer cancel()
		broken <- read(ctx, in, requests)
	}()
	s := session{answers: json.NewEncoder(out)}
	defer s.close()
	for {
		select {
		case r := <-requests:
			if goOn, err := s.serve(ctx, r); err != nil || !goOn {
				return err
			}
		case err := <-broken:
			return err
		case <-ctx.Done():
			select {
			case err := <-broken: // which has ended ctx
				return err
			default:
				return nil
			}
		}
	}
}

// read passes requests on until the input ends.
func read(ctx context.Context, in io.Reader, to chan<- request) error {
	lines := json.NewDecoder(bufio.NewReader(in))
	for {
		var r request
		if err := lines.Decode(&r); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("load: a request that is none: %w", err)
		}
		select {
		case to <- r:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// session is one engine that is told what to do.
type session struct {
	engine  *Engine
	answers *json.Encoder
}

func (s *session) close() {
	if s.engine != nil {
		_ = s.engine.Close() // the process ends, and with it what could not be closed
	}
}

// serve does what a request says, answers, and reports whether to go on.
func (s *session) serve(ctx context.Context, r request) (goOn bool, err error) {
	if r.Do == doClose {
		return false, nil
	}
	a, err := s.do(ctx, r)
	if ctx.Err() != nil {
		return false, nil // nobody listens any more
	}
	if err != nil {
		a.Failure = describe(err)
	}
	return true, s.answers.Encode(a)
}

func (s *session) do(ctx context.Context, r request) (answer, error) {
	if (s.engine == nil) != (r.Do == doOpen) {
		return answer{}, fmt.Errorf("load: %q does not fit here", r.Do)
	}
	switch r.Do {
	case doOpen:
		if r.Spec == nil {
			return answer{}, fmt.Errorf("%w: none given", ErrSpec)
		}
		var err error
		s.engine, err = openPart(*r.Spec)
		return answer{}, err
	case doDial:
		n := math.MaxInt
		if r.Conns != nil {
			n = *r.Conns
		}
		d, err := s.engine.Dial(ctx, n)
		return answer{Dialed: &d}, err
	case doTouch:
		return answer{}, s.engine.Touch(ctx)
	case doRun:
		o, err := s.engine.Run(ctx, r.Duration)
		return answer{Outcome: &o}, err
	}
	return answer{}, fmt.Errorf("load: unknown request %q", r.Do)
}
