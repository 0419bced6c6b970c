//go:build linux

package prefork

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The figures that DESIGN.md quotes. They take minutes, so they are asked for:
//
//	WEFT_BARS=1 go test -v -run Bar ./reactor/prefork

func bar(t *testing.T) {
	if os.Getenv("WEFT_BARS") == "" {
		t.Skip("measures; set WEFT_BARS=1")
	}
}

func TestBarReloadsAndUpgradesUnderLoad(t *testing.T) {
	bar(t)
	spreads(t, func(t *testing.T, s Spread) {
		const during, changes = 30 * time.Second, 25 // every fifth is an upgrade
		r := start(t, program{Spread: s, Drain: during})
		master := r.cmd.Process.Pid
		l := startLoad(r, 200)
		next := time.Now()
		for i := range changes {
			time.Sleep(time.Until(next))
			next = next.Add(during / changes)
			if i%5 == 4 {
				require.NoError(t, syscall.Kill(master, syscall.SIGUSR2))
				master = int(r.waitFor("prefork: upgraded", "pid", master)["successor"].(float64))
				r.waitFor("prefork: every worker has ended")
				continue
			}
			require.NoError(t, syscall.Kill(master, syscall.SIGHUP))
			r.waitFor("prefork: reloaded")
			r.waitFor("prefork: ended", "why", "drained")
			r.waitFor("prefork: ended", "why", "drained")
		}
		time.Sleep(time.Until(next))
		l.end(t)
		require.NoError(t, syscall.Kill(master, syscall.SIGTERM))
		r.waitGone()
	})
}

func TestBarAKilledWorkerIsReplaced(t *testing.T) {
	bar(t)
	r := start(t, program{Workers: 1})
	var times []time.Duration
	for range 20 {
		victim := r.dial().say("hello").PID
		began := time.Now()
		require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
		// A connection made now may have been accepted by the dying one.
		for {
			c, err := dial(r.addr)
			require.NoError(t, err)
			a, err := say(c, bufio.NewReader(c), "hello")
			c.Close()
			if err == nil && a.PID != victim {
				break
			}
		}
		times = append(times, time.Since(began))
		if len(times)%5 == 0 { // so that it is not taken for one that keeps ending
			r.signal(syscall.SIGHUP)
			r.waitFor("prefork: reloaded")
		}
	}
	slices.Sort(times)
	t.Logf("from the kill to an answer of the new worker: median %v, most %v (with a pause of up to 4 ms before each but the first restart in a row)", times[len(times)/2], times[len(times)-1])
	r.signal(syscall.SIGTERM)
	r.waitEnd()
}

func TestBarAnIdleMasterUsesNoCPU(t *testing.T) {
	bar(t)
	r := start(t, program{Workers: 4})
	worker := r.dial().say("hello").PID
	time.Sleep(time.Second)
	before, workerBefore := cpuTime(t, r.cmd.Process.Pid), cpuTime(t, worker)
	time.Sleep(10 * time.Second)
	t.Logf("in 10 s of idleness: master of 4 workers %v, a worker %v", cpuTime(t, r.cmd.Process.Pid)-before, cpuTime(t, worker)-workerBefore)
	r.signal(syscall.SIGTERM)
	r.waitEnd()
}

// cpuTime is the time on a processor of all threads of a process.
func cpuTime(t *testing.T, pid int) (sum time.Duration) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	require.NoError(t, err)
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, task.Name()))
		require.NoError(t, err)
		var ns int64
		_, err = fmt.Sscan(string(text), &ns)
		require.NoError(t, err)
		sum += time.Duration(ns)
	}
	return sum
}

func TestBarSpreadOverProcesses(t *testing.T) {
	bar(t)
	spreads(t, func(t *testing.T, s Spread) {
		r := start(t, program{Spread: s, Workers: 4})
		perProcess := map[int]int{}
		var mu sync.Mutex
		for range 10 {
			var all sync.WaitGroup
			for range 200 {
				all.Go(func() {
					c, err := dial(r.addr)
					if err != nil {
						t.Error(err)
						return
					}
					r.t.Cleanup(func() { c.Close() })
					a, err := say(c, bufio.NewReader(c), "hello")
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					perProcess[a.PID]++
				})
			}
			all.Wait()
		}
		var counts []int
		for _, n := range perProcess {
			counts = append(counts, n)
		}
		slices.Sort(counts)
		t.Logf("2000 connections over 4 workers, mean 500: %v", counts)
		r.signal(syscall.SIGTERM)
		r.waitEnd()
	})
}

func TestBarMoreConnectionsThanDescriptorsOfAProcess(t *testing.T) {
	bar(t)
	const processes, each = 4, 15_000
	r := start(t, program{Network: "tcp", Addr: "0.0.0.0:0", Spread: SpreadLeastConns, Workers: processes})
	_, port, err := net.SplitHostPort(r.addr)
	require.NoError(t, err)
	user, kernel := workersMemory(t, r), kernelMemory(t)
	clients := launch(t, program{Clients: each, Addr: port, Network: "none", Workers: processes}, "")
	clients.waitFor("prefork: all workers serve")
	userAfter, kernelAfter := workersMemory(t, r), kernelMemory(t)
	t.Logf("%d connections held by %d processes, limit of descriptors %s", processes*each, processes, limits(r))
	t.Logf("user memory of the server %d bytes per connection (Pss_Anon); kernel %d bytes per pair of sockets (Slab, both ends)",
		(userAfter-user)/(processes*each), (kernelAfter-kernel)/(processes*each))
	clients.waitFor("checked", "answers", processes*each)
	perWorker := []int{}
	for _, l := range r.workers() {
		perWorker = append(perWorker, descriptors(l))
	}
	t.Logf("descriptors of the workers: %v", perWorker)
	clients.signal(syscall.SIGTERM)
	clients.waitGone()
	r.signal(syscall.SIGTERM)
	r.waitGone()
}

// workers are the process numbers of the workers.
func (r *running) workers() (pids []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lines {
		if l["msg"] == "prefork: serving" {
			pids = append(pids, l.pid())
		}
	}
	return pids
}

func descriptors(pid int) int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(entries)
}

func limits(r *running) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", r.workers()[0]))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			return strings.Join(strings.Fields(rest), " ")
		}
	}
	return "?"
}

// workersMemory is the anonymous memory of all workers, in bytes.
func workersMemory(t *testing.T, r *running) (sum int) {
	for _, pid := range r.workers() {
		sum += kilobytes(t, fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss_Anon:") << 10
	}
	return sum
}

// kernelMemory is what the kernel holds for objects of its own, in bytes.
func kernelMemory(t *testing.T) int { return kilobytes(t, "/proc/meminfo", "Slab:") << 10 }

func kilobytes(t *testing.T, path, name string) (n int) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			_, err := fmt.Sscan(rest, &n)
			require.NoError(t, err)
		}
	}
	return n
}

// runClients is the program as many clients, spread over processes by a master too.
func runClients(p program) error {
	m := Master{Workers: p.Workers, StartTimeout: 4 * stuck, MaxMessage: 1 << 20}
	m.Started = func(c *Control) {
		sum := 0
		for _, peer := range c.Peers() {
			var n int
			if err := peer.Ask(context.Background(), "check", struct{}{}, &n); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			sum += n
		}
		fmt.Fprintf(os.Stderr, `{"msg":"checked","answers":%d}`+"\n", sum)
	}
	var conns []net.Conn
	m.Handlers = Handlers{}
	Handle(m.Handlers, "check", func(context.Context, *Peer, struct{}) (int, error) {
		for i, c := range conns {
			if _, err := say(c, bufio.NewReaderSize(c, 100), "hello"); err != nil {
				return i, err
			}
		}
		return len(conns), nil
	})
	return m.Run(context.Background(), func(ctx context.Context, w *Worker) error {
		for range p.Clients {
			// Each process has another address to connect to, or ports would be short.
			c, err := dial(fmt.Sprintf("127.0.0.%d:%s", w.Slot+1, p.Addr))
			if err != nil {
				return err
			}
			if _, err := say(c, bufio.NewReaderSize(c, 100), "hello"); err != nil {
				return err
			}
			conns = append(conns, c)
		}
		w.Ready()
		<-ctx.Done()
		return nil
	})
}
