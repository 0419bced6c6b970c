// Threads does three jobs as three threads of one process: goroutines that are
// locked to a thread of the system. See ../README.md for what to look at.
//
//	go run ./examples/models/threads
//	go run ./examples/models/threads -in-turn
package main

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"time"
)

func main() {
	job := flag.Duration("job", time.Second, "how long a job takes")
	inTurn := flag.Bool("in-turn", false, "do the jobs one after the other")
	flag.Parse()
	began := time.Now()
	var all sync.WaitGroup
	// All threads see this variable, and may change it at the same time: hence the
	// lock. Without it the count could be wrong, once in a great while.
	var mu sync.Mutex
	done := 0
	for i := range 3 {
		fmt.Printf("job %d starts\n", i+1)
		all.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the job
			time.Sleep(*job)
			mu.Lock()
			defer mu.Unlock()
			done++
			fmt.Printf("job %d ends, %d done\n", i+1, done)
		})
		if *inTurn {
			all.Wait()
		}
	}
	all.Wait()
	fmt.Printf("total: %.1f s\n", time.Since(began).Seconds())
}
