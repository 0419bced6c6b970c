// Coroutines does three jobs as three tasks on one event loop: one thread, which
// goes from one to the next where they wait. See ../README.md for what to look at.
//
//	go run ./examples/models/coroutines
//	go run ./examples/models/coroutines -in-turn
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/weft-go/weft/coro"
)

func main() {
	job := flag.Duration("job", time.Second, "how long a job takes")
	inTurn := flag.Bool("in-turn", false, "do the jobs one after the other")
	flag.Parse()
	began := time.Now()
	// All tasks see this variable, and none is ever interrupted between reading and
	// writing it: no lock.
	done := 0
	do := func(ctx context.Context, i int) error {
		fmt.Printf("job %d starts\n", i)
		if err := coro.Sleep(ctx, *job); err != nil { // the other tasks run meanwhile
			return err
		}
		done++
		fmt.Printf("job %d ends, %d done\n", i, done)
		return nil
	}
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			for i := range 3 {
				var err error
				if *inTurn {
					err = do(ctx, i+1) // a function call
				} else {
					err = s.Go(func(ctx context.Context) error { return do(ctx, i+1) })
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "coroutines:", err)
		os.Exit(1)
	}
	fmt.Printf("total: %.1f s\n", time.Since(began).Seconds())
}
