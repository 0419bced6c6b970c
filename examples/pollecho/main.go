// Command pollecho is the smallest echo server on package poller: one
// goroutine, one loop, no callbacks. Package reactor is this program grown up.
//
//	go run ./examples/pollecho -addr 127.0.0.1:7000
package main

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/weft-go/weft/examples/internal/cli"
	"github.com/weft-go/weft/poller"
)

func main() { cli.Main("pollecho", serve) }

func serve(addr string) error {
	at, err := poller.ParseAddr("tcp", addr)
	if err != nil {
		return err
	}
	system, err := poller.Open(poller.Config{})
	if err != nil {
		return err
	}
	defer system.Close()
	s := &server{OS: system, conns: map[poller.Token]*conn{}, buf: make([]byte, 64<<10)}
	if s.listener, err = s.Listen(at, poller.ListenOptions{}); err != nil {
		return fmt.Errorf("listen at %s: %w", addr, err)
	}
	defer s.CloseFD(s.listener)
	if err := s.Add(s.listener, listenerToken); err != nil {
		return err
	}
	if at, err = s.LocalAddr(s.listener); err != nil {
		return err
	}

	// A signal arrives on another goroutine. Wake is the one call that such a
	// goroutine may make: it gets the loop out of Wait to look at stop.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		s.stop.Store(true)
		_ = system.Wake()
	}()

	fmt.Println("listening on", at)
	return s.loop()
}

// listenerToken is the listener's; connections count up from it. A token is
// never used twice, so an event that outlived its connection finds no one.
const listenerToken poller.Token = 0

// retryAccept is how long a server without free descriptors waits before it
// looks at the queue again: no event will tell that some were closed.
const retryAccept = 50 * time.Millisecond

type server struct {
	poller.OS
	listener poller.FD
	conns    map[poller.Token]*conn
	last     poller.Token // the latest connection's
	buf      []byte       // one for all: between two events it holds nothing
	stop     atomic.Bool
}

// conn is a connection and what it owes: bytes read, and not yet taken by the
// kernel. While there are any, it is not read, so it never owes more than one
// buffer; the peer that does not read its echo is slowed down by TCP.
type conn struct {
	fd     poller.FD
	unsent []byte
}

// loop is the whole server: wait for news, try what the news is about.
func (s *server) loop() error {
	defer func() {
		for token := range s.conns {
			s.close(token)
		}
	}()
	events := make([]poller.Event, 256)
	timeout := time.Duration(-1) // none
	for !s.stop.Load() {
		n, err := s.Wait(events, timeout)
		if err != nil {
			return err
		}
		// A wake-up, a signal and a timeout are no events: n is 0.
		acceptNow := timeout > 0
		for _, e := range events[:n] {
			if e.Token == listenerToken {
				acceptNow = true
			} else if c := s.conns[e.Token]; c != nil {
				s.echo(e.Token, c)
			}
		}
		if acceptNow {
			timeout = s.accept()
		}
	}
	return nil
}

// accept takes connections until there are no more, since no second event will
// tell of them. It returns how long the next Wait may last.
func (s *server) accept() time.Duration {
	for {
		fd, _, err := s.Accept(s.listener)
		if err == poller.ErrWouldBlock {
			return -1
		}
		if err != nil { // poller.ErrTooManyFiles, most likely
			return retryAccept
		}
		s.last++
		if err := s.Add(fd, s.last); err != nil {
			s.CloseFD(fd)
			continue
		}
		s.conns[s.last] = &conn{fd: fd}
	}
}

// echo sends back what was read, until the kernel has nothing more to give or
// no room to take it: then, and only then, a new event will come.
//
// It need not ask whether the event said readable or writable: what is not
// possible yet is one ErrWouldBlock. Nor does it stop for others: a peer that
// sends without a pause keeps the server to itself. Package reactor has a
// budget for each connection and turn.
func (s *server) echo(token poller.Token, c *conn) {
	for {
		if len(c.unsent) == 0 {
			n, err := s.Read(c.fd, s.buf)
			if err == poller.ErrWouldBlock {
				return
			}
			if err != nil { // io.EOF: nothing is owed, so this is the end
				s.close(token)
				return
			}
			c.unsent = s.buf[:n]
		}
		n, err := s.Write(c.fd, c.unsent)
		c.unsent = c.unsent[n:]
		if err == poller.ErrWouldBlock {
			// The buffer is the next connection's too: keep a copy.
			c.unsent = slices.Clone(c.unsent)
			return
		}
		if err != nil {
			s.close(token)
			return
		}
	}
}

func (s *server) close(token poller.Token) {
	s.CloseFD(s.conns[token].fd) // ends the registration as well
	delete(s.conns, token)
}
