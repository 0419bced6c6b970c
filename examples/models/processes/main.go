// Processes does three jobs as three processes: this program, started again for
// each. See ../README.md for what to look at.
//
//	go run ./examples/models/processes
//	go run ./examples/models/processes -in-turn
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"time"
)

func main() {
	job := flag.Duration("job", time.Second, "how long a job takes")
	inTurn := flag.Bool("in-turn", false, "do the jobs one after the other")
	asJob := flag.Bool("as-job", false, "be one of the processes")
	flag.Parse()
	if *asJob {
		time.Sleep(*job) // nothing here can harm the other jobs
		return
	}
	began := time.Now()
	var all []*exec.Cmd
	for i := range 3 {
		// Go cannot fork: a program that runs several threads would be copied with
		// one. So a process begins as the program began, and gets what it needs as
		// arguments, by pipes, or as open files.
		cmd := exec.Command(os.Args[0], "-as-job", "-job", job.String())
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "processes:", err)
			os.Exit(1)
		}
		fmt.Printf("job %d starts: process %d\n", i+1, cmd.Process.Pid)
		if *inTurn {
			wait(i, cmd)
		}
		all = append(all, cmd)
	}
	failed := 0
	for i, cmd := range all {
		if !*inTurn {
			wait(i, cmd)
		}
		if !cmd.ProcessState.Success() {
			failed++
		}
	}
	fmt.Printf("total: %.1f s\n", time.Since(began).Seconds())
	if failed > 0 {
		fmt.Fprintf(os.Stderr, "processes: %d failed\n", failed)
		os.Exit(1)
	}
}

// wait is how a job's end is learned. A crash of it is no more than that: the other
// jobs go on.
func wait(i int, cmd *exec.Cmd) {
	_ = cmd.Wait() // what it says, ProcessState says as well
	fmt.Printf("job %d ends: %v\n", i+1, cmd.ProcessState)
}
