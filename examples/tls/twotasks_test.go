package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/certs"
	"github.com/weft-go/weft/examples/internal/child"
)

// What main.go says of two tasks on one tls.Conn. The client that brings it about
// does not read, until the writer waits for room, and then sends a record that
// nobody can decrypt.

// hazardVariable, when set, makes the test binary a server with two tasks for each
// connection: "direct" on the socket, or "queued".
const hazardVariable = "WEFT_TWO_TASKS"

// twoTasks is that server. It ends when the watchdog finds its loop at a stand.
func twoTasks() {
	cert, err := new(certs.Flags).Load()
	if err != nil {
		panic(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	handle := func(ctx context.Context, c net.Conn) error {
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			room := func() error { return nil }
			if os.Getenv(hazardVariable) == "queued" {
				q := &queued{Conn: c, ctx: ctx}
				c, room = q, func() error { return q.room(ctx) }
				if err := s.Daemon(q.flush); err != nil {
					return err
				}
			}
			return talk(ctx, s, tls.Server(c, config), room)
		})
	}
	err = coro.Server{
		Loops:    1,
		OnListen: func(a net.Addr) { fmt.Println("listening on", a) },
		Config: coro.Config{OnStall: func(s coro.Stall) {
			if strings.Contains(s.Stack, "sync.(*Mutex).Lock") && strings.Contains(s.Stack, "sendAlert") {
				fmt.Println("the loop stands still in sendAlert")
				os.Exit(0)
			}
		}},
	}.Run(context.Background(), "tcp", "127.0.0.1:0", handle)
	panic(err)
}

// talk reads in one task and writes in another, after the handshake. A third one
// tells when somebody waits for room in the socket.
func talk(ctx context.Context, s *coro.Scope, c *tls.Conn, room func() error) error {
	if err := c.Handshake(); err != nil {
		return err
	}
	writer := func(context.Context) error {
		for {
			if err := room(); err != nil {
				return err
			}
			if _, err := c.Write(make([]byte, maxRecord)); err != nil {
				return err
			}
		}
	}
	watcher := func(ctx context.Context) error {
		for waiting("write") == 0 {
			if err := coro.Yield(ctx); err != nil {
				return err
			}
		}
		fmt.Println("full")
		return nil
	}
	if err := errors.Join(s.Go(writer), s.Go(watcher)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c)
	fmt.Println("the reader:", err)
	return err
}

// queued is a connection whose Write never waits, for a tls.Conn that two tasks
// use. Who writes much asks for room first, when it holds no lock.
type queued struct {
	net.Conn
	ctx   context.Context // of the connection's tasks
	queue []byte
	moved coro.Cond // bytes have come into the queue, or gone
}

// maxQueued is how much may be in the queue when somebody writes, in bytes.
//
// Bound: some records, to be sent by one system call.
const maxQueued = 4 * maxRecord

func (q *queued) Write(p []byte) (int, error) {
	q.queue = append(q.queue, p...)
	return len(p), q.moved.Broadcast(q.ctx)
}

func (q *queued) room(ctx context.Context) error {
	for len(q.queue) > maxQueued {
		if err := q.moved.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush is the task that waits in place of Write.
func (q *queued) flush(ctx context.Context) error {
	for {
		for len(q.queue) == 0 {
			if err := q.moved.Wait(ctx); err != nil {
				return err
			}
		}
		out := q.queue
		if _, err := q.Conn.Write(out); err != nil {
			return err
		}
		q.queue = q.queue[len(out):] // others may have come behind
		if err := q.moved.Broadcast(q.ctx); err != nil {
			return err
		}
	}
}

func TestTLSTwoTasksOnOneConnection(t *testing.T) {
	for how, want := range map[string]string{
		"direct": "the loop stands still in sendAlert",
		"queued": "the reader: local error: tls: bad record MAC",
	} {
		t.Run(how+": "+want, func(t *testing.T) {
			cmd := child.Command()
			cmd.Env = append(cmd.Env, hazardVariable+"="+how)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			lines := bufio.NewReader(stdout)
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			conn := child.Dial(t, strings.TrimSpace(strings.TrimPrefix(line, "listening on ")))
			require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
			require.NoError(t, conn.SetReadBuffer(4<<10))
			c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			require.NoError(t, c.Handshake())
			for line != "full\n" {
				line, err = lines.ReadString('\n')
				require.NoError(t, err)
			}
			_, err = conn.Write([]byte("\x17\x03\x03\x00\x20" + string(make([]byte, 32))))
			require.NoError(t, err)
			for !strings.HasPrefix(line, want) {
				line, err = lines.ReadString('\n')
				require.NoError(t, err)
			}
		})
	}
}
