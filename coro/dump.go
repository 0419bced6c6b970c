package coro

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// Dump writes every task of every loop of the process for a person to read: as a
// tree of tasks, the scopes they run, and the tasks in these; with what each waits
// for, since when, and where it was spawned.
//
//	loop 1 "front": 15 004 tasks, 120 coroutines idle, turn 88 412
//	  task 1 "main"                     children                2m3s   main.main (main.go:20)
//	    scope
//	      task 2                        accept on [::]:7000     310ms  main.run.func1 (main.go:28)
//	        scope
//	          task 4, handler of ...    read from 10.0.0.7:471  1m58s  main.serve (serve.go:41)
//	            and 14 999 like it
//	      task 3 "refresh"              children                3.1s   main.run.func1 (main.go:33)
//	        timeout, 1.9s left
//	          scope
//	            task 15009              read from 10.0.3.1:543  3.1s   main.refresh (main.go:77)
//
// Tasks of one scope that do the same, those inside them included, are one line,
// the one that has waited longest, and how many more there are. Idle connections of
// ServeReadable, which have no task, are counted with the scope. Of a loop that does
// not answer within a second, Dump tells what can be seen from outside.
//
// It asks the loops as Tasks does, and may be called from where Tasks may. Errors
// are those of w.
func Dump(w io.Writer) error {
	var text bytes.Buffer
	askLoops((*loop).snapshot, func(answers []answer[*snapshot]) {
		for _, a := range answers {
			if a.silent {
				a.dumpSilent(&text)
			} else {
				a.loop.dump(&text, a.said)
			}
		}
	})
	_, err := w.Write(text.Bytes())
	return err
}

// maxDumpLines is how many lines Dump writes of a loop's tasks.
//
// Bound: some 100 KB. Who needs more has Tasks.
const maxDumpLines = 1000

// maxDumpIndent is how deep a line is indented; what is deeper inside stands
// there, too.
//
// Bound: 32 levels of 2 columns leave room for the rest on a wide screen.
const maxDumpIndent = 32

func (l *loop) dump(to *bytes.Buffer, s *snapshot) {
	fmt.Fprintf(to, "%s: %s, %s idle, turn %s\n", l.title(), count(uint64(len(s.tasks)), "task"), count(uint64(s.idle), "coroutine"), thousands(s.turn))
	t := table{now: s.at}
	t.add(s.tree(), 1)
	t.write(to)
}

// describe is Dump of one loop, for a simulation. It stands still meanwhile.
func (l *loop) describe(w io.Writer) {
	var text bytes.Buffer
	l.dump(&text, l.snapshot())
	_, _ = w.Write(text.Bytes())
}

// title is the loop's number and name.
func (l *loop) title() string {
	return strings.TrimSpace(fmt.Sprintf("loop %d %s", l.number, quoted(l.name)))
}

// dumpSilent is a loop that has not answered.
func (a *answer[T]) dumpSilent(to *bytes.Buffer) {
	fmt.Fprintf(to, "%s: has not answered for %v", a.loop.title(), patience)
	if busy := a.busyFor(); busy > 0 {
		fmt.Fprintf(to, "; turn %s has taken %v so far", thousands(a.doing.Turn), rounded(busy))
	} else {
		fmt.Fprint(to, "; it seems to sleep")
	}
	fmt.Fprintln(to)
	if running, ok := a.running(siteWords{}); ok {
		fmt.Fprintf(to, "  task %d %srunning  %s\n", running.ID, quoted(running.Name), shortSite(a.seen.site))
	}
}

// table is the tree in lines: one cell for a scope, four for a task. Only tasks
// make a column wider.
type table struct {
	now   time.Duration
	lines [][]string
	width [3]int // of all columns but the last
	over  int    // lines left out
}

func (t *table) add(nodes []*node, indent int) {
	for _, n := range nodes {
		if n.task == nil {
			t.line(indent, n.scopeWords(t.now))
		} else {
			t.line(indent, n.taskWords(), n.stateWords(), rounded(t.now-n.task.since).String(), shortSite(n.task.site))
		}
		t.add(n.inside, indent+1)
		if n.more > 0 {
			t.line(indent+1, "and "+thousands(uint64(n.more))+" like it")
		}
	}
}

func (t *table) line(indent int, cells ...string) {
	if len(t.lines) == maxDumpLines {
		t.over++
		return
	}
	cells[0] = strings.Repeat("  ", min(indent, maxDumpIndent)) + cells[0]
	t.lines = append(t.lines, cells)
	for i, cell := range cells[:len(cells)-1] {
		t.width[i] = max(t.width[i], utf8.RuneCountInString(cell))
	}
}

func (t *table) write(to *bytes.Buffer) {
	for _, cells := range t.lines {
		last := len(cells) - 1
		for i, cell := range cells[:last] {
			fmt.Fprintf(to, "%-*s  ", t.width[i], cell)
		}
		fmt.Fprintln(to, cells[last])
	}
	if t.over > 0 {
		fmt.Fprintf(to, "  and %s more\n", count(uint64(t.over), "line"))
	}
}

// shortSite is a spawn site as function and file, without the file's directory.
func shortSite(site uintptr) string {
	if site == 0 {
		return ""
	}
	frame, _ := runtime.CallersFrames([]uintptr{site}).Next()
	return fmt.Sprintf("%s (%s:%d)", path.Base(frame.Function), path.Base(frame.File), frame.Line)
}

// rounded is a duration with a precision that a person reads.
func rounded(d time.Duration) time.Duration {
	switch {
	case d < time.Millisecond:
		return d.Round(10 * time.Microsecond)
	case d < time.Second:
		return d.Round(time.Millisecond)
	case d < time.Minute:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// thousands is a number in groups of three digits.
func thousands(n uint64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}

func count(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}
