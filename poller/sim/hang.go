package sim

import (
	"errors"
	"fmt"
	"strings"
)

// ErrHang: programs wait, and nothing will ever happen again.
var ErrHang = errors.New("sim: nothing can go on")

// hang is ErrHang with a report of who waits for what.
func (w *World) hang() error {
	var b strings.Builder
	if at := w.agenda.next(); len(w.runnable) > 0 {
		fmt.Fprintf(&b, "the limit of %v of virtual time is reached, and %s is busy still", w.config.Limit, w.runnable[0].label())
	} else if at != never {
		fmt.Fprintf(&b, "the limit of %v of virtual time is reached; next thing due at %v", w.config.Limit, at)
	} else {
		fmt.Fprintf(&b, "deadlock at %v", w.now)
	}
	w.Report(&b)
	return fmt.Errorf("%w: %s", ErrHang, b.String())
}
