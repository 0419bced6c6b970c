//go:build linux

package main

import (
	"crypto/tls"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/examples/internal/paired"
)

// The figures of README.md:
//
//	WEFT_BARS=1 go test -v -run Bar ./examples/tls
func TestBarCPUPerMessage(t *testing.T) {
	const conns, size = 64, 64
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			paired.Alternating(t, 15, func(s *paired.Process) float64 {
				require.NoError(t, pin.Process([]int{1}))
				l := &load{t: t, addr: s.Addr, version: version, conns: conns, size: size}
				l.dial()
				defer l.close()
				l.run(100 * time.Millisecond)
				before := s.CPU()
				n := l.run(time.Second)
				return float64(s.CPU()-before) / 1000 / float64(n)
			}).AtMost(t, 1.0, "us of CPU a message", "net")
		})
	}
}

// load is clients that each send a message, wait for its echo, and send the next.
type load struct {
	t           *testing.T
	addr        string
	version     uint16
	conns, size int
	open        []*tls.Conn
}

func (l *load) dial() {
	config := &tls.Config{InsecureSkipVerify: true, MaxVersion: l.version}
	for range l.conns {
		c, err := tls.Dial("tcp", l.addr, config)
		require.NoError(l.t, err)
		l.open = append(l.open, c)
	}
}

func (l *load) close() {
	for _, c := range l.open {
		c.Close()
	}
}

// run returns how many messages came back.
func (l *load) run(d time.Duration) (messages int) {
	end := time.Now().Add(d)
	var all sync.WaitGroup
	counts := make([]int, len(l.open))
	for i, c := range l.open {
		all.Go(func() {
			buf := make([]byte, l.size)
			for ; time.Now().Before(end); counts[i]++ {
				if _, err := c.Write(buf); err != nil {
					l.t.Error(err)
					return
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					l.t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for _, n := range counts {
		messages += n
	}
	return messages
}
