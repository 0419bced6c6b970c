package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

// noise is what a server's memory may grow by without a fault, in bytes.
//
// Bound: garbage that is not collected yet, which under the race detector costs several
// times its size (it was 20 MiB then); the system may give memory by pages of 2 MiB.
const noise = 64 << 20

// resident is the memory of a process, in bytes.
func resident(t *testing.T, p *os.Process) (bytes int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the memory of a process is read from /proc")
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, err := fmt.Sscan(rest, &bytes)
			require.NoError(t, err)
		}
	}
	return bytes << 10
}

// A client asks for 128 MB and reads nothing. The server keeps an answer and a batch
// for it, and others do not notice; then the client reads, and gets everything.
func TestRedisClientThatDoesNotReadIsBounded(t *testing.T) {
	addr, process := child.Start(t)
	const size, gets = 256 << 10, 500
	other, slow := dial(t, addr), dial(t, addr)
	value := strings.Repeat("v", size)
	require.Equal(t, "+OK\r\n", other.asks("SET", "v", value))
	before := resident(t, process)
	slow.sends(strings.Repeat(request("GET", "v"), gets))
	for range 1000 {
		require.Equal(t, "+PONG\r\n", other.asks("PING"))
	}
	require.Less(t, resident(t, process)-before, noise, "bytes held for a client that reads nothing, of 128 MB")
	for range gets {
		slow.hears(bulk(value))
	}
	require.Equal(t, "+PONG\r\n", slow.asks("PING"))
}

// One that never stops sending is stopped.
func TestRedisClientThatOnlySendsIsStopped(t *testing.T) {
	addr, process := child.Start(t)
	other, slow := dial(t, addr), dial(t, addr)
	require.Equal(t, "+OK\r\n", other.asks("SET", "v", strings.Repeat("v", 1000)))
	before := resident(t, process)
	pipeline := strings.Repeat(request("GET", "v"), 10_000)
	require.NoError(t, slow.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
	for {
		if _, err := io.WriteString(slow, pipeline); err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			break
		}
	}
	require.Equal(t, "+PONG\r\n", other.asks("PING"))
	require.Less(t, resident(t, process)-before, noise, "bytes held for a client that only sends")
}

// A subscriber that reads nothing is dropped, and costs neither the publisher nor
// the other subscribers anything.
func TestRedisSubscriberThatDoesNotReadIsDropped(t *testing.T) {
	addr, process := child.Start(t)
	publisher, slow, quick := dial(t, addr), dial(t, addr), dial(t, addr)
	for _, w := range []*wire{slow, quick} {
		require.Equal(t, "*3\r\n"+bulk("subscribe")+bulk("news")+":1\r\n", w.asks("SUBSCRIBE", "news"))
	}
	before := resident(t, process)
	message := strings.Repeat("m", 64<<10)
	heard := "*3\r\n" + bulk("message") + bulk("news") + bulk(message)
	receivers := ":2\r\n"
	n := 0
	for ; receivers == ":2\r\n"; n++ {
		require.Less(t, n, 16<<10, "messages of 64 KiB, and it is still there")
		receivers = publisher.asks("PUBLISH", "news", message)
		quick.hears(heard)
	}
	require.Equal(t, ":1\r\n", receivers)
	require.Less(t, resident(t, process)-before, noise, "bytes held")
	require.Contains(t, publisher.asks("INFO", "stats"), "client_output_buffer_limit_disconnections:1\r\n")
	for err := error(nil); err == nil; {
		_, err = slow.in.Discard(1 << 10) // what the kernel had taken, then the end
	}
	require.Equal(t, "+PONG\r\n", publisher.asks("PING"))
}
