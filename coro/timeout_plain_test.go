package coro

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What knows of no context is ended by the Timeout around it.
func TestTimeoutEndsCodeThatKnowsNoContext(t *testing.T) {
	unstarted := httptest.NewUnstartedServer(nil) // for its certificate
	unstarted.StartTLS()
	certificate := unstarted.TLS.Certificates[0]
	unstarted.Close()

	for name, prepare := range map[string]func(e *env, ctx context.Context) func() error{
		"io.ReadFull of what comes in part": func(e *env, ctx context.Context) func() error {
			peer, c := e.peer(ctx)
			_, err := peer.Write([]byte("half"))
			require.NoError(e.t, err)
			return func() error {
				n, err := io.ReadFull(c, make([]byte, 8))
				require.Contains(e.t, []int{0, 4}, n, "bytes that io.ReadFull tells of")
				return err
			}
		},
		"io.Copy": func(e *env, ctx context.Context) func() error {
			_, c := e.peer(ctx)
			return func() error { _, err := io.Copy(io.Discard, c); return err }
		},
		"a TLS handshake of a client, whose server never answers": func(e *env, ctx context.Context) func() error {
			_, c := e.peer(ctx)
			return tls.Client(c, &tls.Config{ServerName: "example.com"}).Handshake
		},
		"a TLS handshake of a server, whose client never begins": func(e *env, ctx context.Context) func() error {
			_, c := e.peer(ctx)
			return tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}}).Handshake
		},
		"a Read of a TLS connection": func(e *env, ctx context.Context) func() error {
			peer, c := e.peer(ctx)
			client := tls.Client(peer, &tls.Config{InsecureSkipVerify: true})
			handshaken := make(chan error, 1)
			go func() { handshaken <- client.Handshake() }()
			server := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
			require.NoError(e.t, server.Handshake())
			require.NoError(e.t, wait(e.t, handshaken, "the client's handshake"))
			return func() error { _, err := server.Read(make([]byte, 1)); return err }
		},
		"Accept of a net.Listener": func(e *env, ctx context.Context) func() error {
			var ln net.Listener = e.listen(ctx)
			return func() error { _, err := ln.Accept(); return err }
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					operation := prepare(e, ctx)
					err := Timeout(ctx, 5*time.Millisecond, func(context.Context) error { return operation() })
					requireTimeout(t, err, 5*time.Millisecond)
					require.NoError(t, Sleep(ctx, 1))
				})
			})
		})
	}
}

// A Timeout is no deadline of the connection: what it ended can be done again.
func TestTimeoutLeavesTheConnectionUsable(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			peer, c := e.peer(ctx)
			for range 3 {
				err := Timeout(ctx, time.Millisecond, func(context.Context) error { _, err := c.Read(make([]byte, 1)); return err })
				requireTimeout(t, err, time.Millisecond)
			}
			_, err := peer.Write([]byte("x"))
			require.NoError(t, err)
			n, err := c.Read(make([]byte, 8))
			require.NoError(t, err)
			require.Equal(t, 1, n)
		})
	})
}

func TestTimeoutEndsAConnectThatHangs(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			before := openDescriptors()
			err := Timeout(ctx, time.Millisecond, func(ctx context.Context) error {
				_, err := Dialer{Resolver: hangingResolver()}.Dial(ctx, "tcp", newName())
				return err
			})
			requireTimeout(t, err, time.Millisecond)
			require.Equal(t, before, openDescriptors(), "open descriptors")

			// The shorter one of the two counts.
			err = Timeout(ctx, time.Hour, func(ctx context.Context) error {
				_, err := Dialer{Resolver: hangingResolver(), Timeout: 2 * time.Millisecond}.Dial(ctx, "tcp", newName())
				return err
			})
			requireTimeout(t, err, 2*time.Millisecond)
		})
	})
}

// Tasks of scopes inside feel it, those of scopes outside do not.
func TestTimeoutReachesTheTasksOfScopesInside(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		return WithScope(ctx, func(outside *Scope) error {
			var elsewhere Event
			sibling := background(t, outside, func(ctx context.Context) (int, error) { return 7, elsewhere.Wait(ctx) })
			cleaned := 0
			err := Timeout(ctx, time.Millisecond, func(ctx context.Context) error {
				return WithScope(ctx, func(s *Scope) error {
					for range 3 {
						require.NoError(t, s.Go(func(ctx context.Context) error {
							defer func() { cleaned++ }()
							if err := Sleep(ctx, time.Hour); err != nil {
								return ctx.Err() // an echo, as package context tells it
							}
							return nil
						}))
					}
					// One for the scope outside, spawned from in here.
					require.NoError(t, outside.Go(func(ctx context.Context) error { return Sleep(ctx, 5*time.Millisecond) }))
					return new(Event).Wait(s.Context())
				})
			})
			require.Equal(t, context.DeadlineExceeded, ignoreTimeout(err), "the first of the echoes, and nothing else")
			require.Equal(t, 3, cleaned)
			require.NoError(t, elsewhere.Set(ctx))
			seven, err := sibling.wait(ctx)
			require.NoError(t, err)
			require.Equal(t, 7, seven)
			return nil
		})
	}))
}

// ignoreTimeout is context.DeadlineExceeded for a *TimeoutError.
func ignoreTimeout(err error) error {
	if _, ok := err.(*TimeoutError); ok {
		return context.DeadlineExceeded
	}
	return err
}
