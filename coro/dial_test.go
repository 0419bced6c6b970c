package coro

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// hangingResolver asks a server that does not answer.
func hangingResolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
}

// newName is a host that no test has asked for, and a port. Package net asks once
// for all callers of one name, and goes on asking when they are cancelled.
func newName() string { return fmt.Sprintf("name%d.invalid:1", names.Add(1)) }

var names atomic.Int64

// resolverOf asks a server, inside this process, that gives every name these
// addresses.
func resolverOf(addrs ...string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answerNames(server, addrs)
		return client, nil
	}}
}

// answerNames is a name server over a stream: RFC 1035, section 4.2.2, a message
// behind its length.
func answerNames(c net.Conn, addrs []string) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		end := 12 // of the question: labels, type, class
		for query[end] != 0 {
			end += 1 + int(query[end])
		}
		end += 5
		kind := binary.BigEndian.Uint16(query[end-4:])
		answer := append([]byte(nil), query[:end]...)
		answer[2], answer[3] = 0x81, 0x80 // a response, recursion available, no error
		count := 0
		for _, a := range addrs {
			ip := netip.MustParseAddr(a)
			if (kind == 1) != ip.Is4() {
				continue
			}
			count++
			data := ip.AsSlice()
			answer = append(answer, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 60, 0, byte(len(data)))
			answer = append(answer, data...)
		}
		copy(answer[6:12], []byte{0, byte(count), 0, 0, 0, 0})
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// unused is an address of this machine where nobody listens.
func (e *env) unused(ctx context.Context) string {
	ln := e.listen(ctx)
	require.NoError(e.t, ln.Close())
	return ln.Addr().String()
}

func TestDialConnects(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			_, err := a.Write([]byte("x")) // at once: a dialled connection is writable
			require.NoError(t, err)
			_, err = b.Read(make([]byte, 1))
			require.NoError(t, err)
		})
	})
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			_, port, err := net.SplitHostPort(ln.Addr().String())
			require.NoError(t, err)
			for _, d := range []struct{ network, host string }{
				{"tcp", ""}, {"tcp4", ""}, {"tcp", "0.0.0.0"}, {"tcp", "::"}, {"tcp4", "127.0.0.1"},
			} {
				c, err := Dial(ctx, d.network, net.JoinHostPort(d.host, port))
				require.NoError(t, err, "Dial to host %q of %q, want this machine", d.host, d.network)
				require.Equal(t, ln.Addr().String(), c.RemoteAddr().String())
				accepted, err := ln.Accept()
				require.NoError(t, err)
				require.NoError(t, c.Close())
				require.NoError(t, accepted.Close())
			}
		})
	})
}

// Every way to fail: the right error, in form, and no descriptor left.
func TestDialFails(t *testing.T) {
	const nobody = "192.0.2.1:9" // for documentation: nobody answers, or no route
	onTCP(t, func(t *testing.T, e *env) {
		for name, test := range map[string]struct {
			dial     Dialer
			network  string
			address  func(ctx context.Context) string
			is       error
			says     string
			withAddr bool
		}{
			"refused":                      {network: "tcp", address: e.unused, is: syscall.ECONNREFUSED, withAddr: true},
			"a path where nobody listens":  {network: "unix", address: func(context.Context) string { return e.t.TempDir() + "/none" }, is: syscall.ENOENT, withAddr: true},
			"no network":                   {network: "", address: e.unused, says: "unknown network"},
			"another network":              {network: "udp", address: e.unused, says: "unknown network"},
			"another network, with a name": {network: "udp", address: func(context.Context) string { return "name:1" }, says: "unknown network"},
			"no network, with a name":      {network: "", address: func(context.Context) string { return "name:1" }, says: "unknown network"},
			"a short network":              {network: "ip", address: func(context.Context) string { return "name:1" }, says: "unknown network"},
			"no port":                      {network: "tcp", address: func(context.Context) string { return "127.0.0.1" }, says: "missing port"},
			"no such port":                 {network: "tcp", address: func(context.Context) string { return "127.0.0.1:no-such-service" }, says: "unknown port"},
			"no such port of a name":       {network: "tcp", address: func(context.Context) string { return "name:no-such-service" }, says: "unknown port"},
			"an address of another family": {network: "tcp6", address: e.unused, says: "does not belong to tcp6"},
			"a name that does not resolve": {dial: Dialer{Resolver: resolverOf()}, network: "tcp", address: func(context.Context) string { return "none.invalid:1" }, says: "no such host"},
			"a name without an address of the family": {
				dial: Dialer{Resolver: resolverOf("127.0.0.1")}, network: "tcp6", address: func(context.Context) string { return "four.invalid:1" }, says: "four.invalid",
			},
			"a name whose server times out": {
				dial: Dialer{Resolver: hangingResolver(), Timeout: 5 * time.Millisecond}, network: "tcp", address: func(context.Context) string { return "slow.invalid:1" }, is: os.ErrDeadlineExceeded,
			},
		} {
			t.Run(name, func(t *testing.T) {
				e.try(func(ctx context.Context) {
					address := test.address(ctx)
					before := openDescriptors()
					c, err := test.dial.Dial(ctx, test.network, address)
					require.Nil(t, c)
					var failed *net.OpError
					require.ErrorAs(t, err, &failed)
					require.Equal(t, "dial", failed.Op)
					require.Equal(t, test.network, failed.Net)
					if test.is != nil {
						require.ErrorIs(t, err, test.is)
					}
					require.ErrorContains(t, err, test.says)
					if test.withAddr {
						require.Equal(t, address, failed.Addr.String())
					}
					require.Equal(t, before, openDescriptors(), "descriptors after Dial failed")
					require.NoError(t, Sleep(ctx, 1), "the task goes on")
				})
			})
		}
	})
	t.Run("timed out or cancelled while it connects", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				// A listener whose queue is full does not answer.
				ln, err := ListenConfig{Options: poller.ListenOptions{Backlog: 1}}.Listen(ctx, "tcp", "127.0.0.1:0")
				require.NoError(t, err)
				address := ln.Addr().String()
				for {
					if _, err = (Dialer{Timeout: 30 * time.Millisecond}).Dial(ctx, "tcp", address); err != nil {
						break
					}
				}
				require.ErrorIs(t, err, os.ErrDeadlineExceeded, "Dial with a timeout")
				before := openDescriptors()
				at := time.Now().Add(5 * time.Millisecond)
				_, err = Dialer{Timeout: 5 * time.Millisecond}.Dial(ctx, "tcp", address)
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.False(t, time.Now().Before(at), "Dial's timeout came early")
				var failed *net.OpError
				require.ErrorAs(t, err, &failed)
				require.True(t, failed.Timeout())
				require.Equal(t, address, failed.Addr.String())

				timed, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
				defer cancel()
				_, err = Dial(timed, "tcp", address)
				require.ErrorIs(t, err, context.DeadlineExceeded, "Dial with a context that times out")
				require.NoError(t, Sleep(ctx, 1))

				err = WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(ctx context.Context) error { _, err := Dial(ctx, "tcp", address); return err }))
					settle(t, ctx)
					return s.Cancel(errTest)
				})
				require.ErrorIs(t, err, errTest, "Dial in a scope that is cancelled")
				require.Equal(t, before, openDescriptors(), "descriptors after Dial was given up")
			})
		})
	})
	_, err := Dial(context.Background(), "tcp", nobody)
	require.Equal(t, ErrNoLoop, err)
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		outside(t, ctx, func() {
			_, err := Dial(ctx, "tcp", nobody)
			require.Equal(t, ErrNotTask, err)
		})
		return nil
	}))
}

func TestDialTriesTheAddressesInTurn(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			_, port, err := net.SplitHostPort(ln.Addr().String())
			require.NoError(t, err)
			// Nobody listens at the second and third address of this machine.
			d := Dialer{Resolver: resolverOf("127.0.0.2", "127.0.0.3", "127.0.0.1")}
			c, err := d.Dial(ctx, "tcp", "three.invalid:"+port)
			require.NoError(t, err, "Dial to a name of which the last address answers")
			require.Equal(t, ln.Addr().String(), c.RemoteAddr().String())

			d.Resolver = resolverOf("127.0.0.2", "127.0.0.3")
			before := openDescriptors()
			_, err = d.Dial(ctx, "tcp", "two.invalid:"+port)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			var failed *net.OpError
			require.ErrorAs(t, err, &failed)
			require.True(t, strings.HasPrefix(failed.Addr.String(), "127.0.0."), "the address: got %v", failed.Addr)
			require.Equal(t, before, openDescriptors())
		})
	})
}

// The names of ports are in a file: it is read off the loop, in one of the places
// for lookups.
func TestDialLooksPortsUpOffTheLoop(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			for address, lookups := range map[string]uint64{
				"127.0.0.1:no-such-service": 1, "name.invalid:no-such-service": 1, ":no-such-service": 1,
				"127.0.0.1:99999": 0, "[::1]:-1": 0,
			} {
				before := LookupWorkers().Stats().Done
				_, err := Dial(ctx, "tcp", address)
				require.Error(t, err, address)
				require.Equal(t, lookups, LookupWorkers().Stats().Done-before, "functions of LookupWorkers for %s", address)
			}
			if port, err := net.LookupPort("tcp", "http"); err == nil {
				got, err := lookupPort(must(currentTaskOf(ctx)), "tcp", "http")
				require.NoError(t, err)
				require.Equal(t, port, got)
			}
			require.ErrorIs(t, Timeout(ctx, 0, func(ctx context.Context) error {
				_, err := Dial(ctx, "tcp", "127.0.0.1:http")
				return err
			}), os.ErrDeadlineExceeded)
		})
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestDialResolvesOffTheLoop(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			asked, answer := make(chan struct{}), make(chan struct{})
			var once sync.Once
			resolver := resolverOf("127.0.0.1")
			dial := resolver.Dial
			resolver.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				once.Do(func() { close(asked) })
				<-answer
				return dial(ctx, network, address)
			}
			ln := e.listen(ctx)
			_, port, err := net.SplitHostPort(ln.Addr().String())
			require.NoError(t, err)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				p := background(t, s, func(ctx context.Context) (*Conn, error) {
					return Dialer{Resolver: resolver}.Dial(ctx, "tcp", "name.invalid:"+port)
				})
				settle(t, ctx)
				<-asked
				for range 100 { // other tasks make progress
					require.NoError(t, Yield(ctx))
				}
				require.False(t, p.done.set)
				close(answer)
				_, err := p.wait(ctx)
				return err
			}))
		})
	})
}

// More lookups than are let in at a time, and one that is cancelled in the queue.
func TestDialLimitsLookups(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			limit := LookupWorkers().Stats().Limit
			err := WithScope(ctx, func(s *Scope) error {
				d := Dialer{Resolver: hangingResolver()}
				for range limit + 5 {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						_, err := d.Dial(ctx, "tcp4", newName()) // one lookup
						return err
					}))
				}
				settle(t, ctx)
				lookups := LookupWorkers().Stats()
				require.Equal(t, limit, lookups.Running, "lookups at a time")
				require.Equal(t, 5, lookups.Waiting, "lookups that wait")
				_, err := Dialer{Resolver: hangingResolver(), Timeout: time.Millisecond}.Dial(ctx, "tcp", newName())
				require.ErrorIs(t, err, os.ErrDeadlineExceeded, "Dial whose timeout passes while it waits for its turn")
				return s.Cancel(errTest)
			})
			require.ErrorIs(t, err, errTest)
		})
		lookups := LookupWorkers().Stats()
		require.Zero(t, lookups.Running, "lookups after Run, which waits for them")
		require.Zero(t, lookups.Waiting)
	})
}
