package coro_test

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"time"

	"github.com/weft-go/weft/coro"
)

// What is everybody doing?
func ExampleDump() {
	_ = coro.Config{Name: "front"}.Run(context.Background(), func(ctx context.Context) error {
		_ = coro.SetName(ctx, "main")
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			for range 10 {
				if err := s.Go(worker); err != nil {
					return err
				}
			}
			_ = coro.Yield(ctx) // let them begin

			var text bytes.Buffer
			if err := coro.Dump(&text); err != nil {
				return err
			}
			os.Stdout.Write(withoutTimes(text.Bytes()))
			return s.Cancel(nil)
		})
	})
	// Output:
	// loop N "front": 21 tasks, 0 coroutines idle, turn N
	//   task 1 "main"      other loops  TIME  coro_test.ExampleDump (dump_example_test.go)
	//     scope
	//       task 2         children     TIME  coro_test.ExampleDump.func1.1 (dump_example_test.go)
	//         timeout, TIME left
	//           scope
	//             task 12  timer        TIME  coro_test.worker.func1.1 (dump_example_test.go)
	//         and 9 like it
}

func worker(ctx context.Context) error {
	return coro.Timeout(ctx, time.Hour, func(ctx context.Context) error {
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			return s.Go(func(ctx context.Context) error { return coro.Sleep(ctx, time.Minute) })
		})
	})
}

// withoutTimes replaces what differs from one run to the next.
func withoutTimes(text []byte) []byte {
	for _, change := range [][2]string{
		{`\S+ left`, "TIME left"},
		{`  \d[^ ]*s +coro_`, "  TIME  coro_"},
		{`(loop|turn) \d+`, "$1 N"},
		{`go:\d+`, "go"},
	} {
		text = regexp.MustCompile(change[0]).ReplaceAll(text, []byte(change[1]))
	}
	return text
}
