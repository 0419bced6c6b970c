package coro

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// net/http serves a Listener: its connections are goroutines of its own, which
// call the connections of our loop from outside.

// httpServer is an http.Server on a listener of l's, and a client for it.
type httpServer struct {
	*http.Server
	t      *testing.T
	url    string
	dials  int // by the client; read when nothing is under way
	client *http.Client
	served chan error // what Serve returned
}

// httpServers are the ways to call Serve.
var httpServers = map[string]func(t *testing.T, l *idleLoop, serve func() error) (served chan error){
	"from a plain goroutine": func(_ *testing.T, _ *idleLoop, serve func() error) chan error {
		served := make(chan error, 1)
		go func() { served <- serve() }()
		return served
	},
	"from a task": func(t *testing.T, l *idleLoop, serve func() error) chan error {
		served := make(chan error, 1)
		go func() { _ = l.loop().asTask(func(*task) error { served <- serve(); return nil }) }()
		return served
	},
}

func onHTTPServers(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, s *httpServer)) {
	t.Helper()
	for name, run := range httpServers {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				l := newIdleLoop(t, e)
				ln := l.listen(t, e)
				s := &httpServer{t: t, url: "http://weft", Server: &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}}
				s.client = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
					s.dials++
					return net.Dial(e.network, ln.Addr().String())
				}}}
				s.served = run(t, l, func() error { return s.Serve(ln) })
				defer s.client.CloseIdleConnections()
				test(t, s)
			})
		})
	}
}

// get is one request, up to the end of its answer.
func (s *httpServer) get(path string) string {
	s.t.Helper()
	answer, err := s.client.Get(s.url + path)
	require.NoError(s.t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, answer.Body.Close())
	require.Equal(s.t, http.StatusOK, answer.StatusCode)
	return string(body)
}

// end shuts the server down and waits for its Serve.
func (s *httpServer) end() {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	require.NoError(s.t, wait(s.t, done, "Shutdown"))
	require.Equal(s.t, http.ErrServerClosed, wait(s.t, s.served, "Serve"))
}

func TestHTTPServerServesAndShutsDown(t *testing.T) {
	big := strings.Repeat("weft ", 100_000)
	answer := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/big" {
			_, _ = io.WriteString(w, big)
			return
		}
		_, _ = io.WriteString(w, "hello "+r.URL.Path)
	}
	onHTTPServers(t, answer, func(t *testing.T, s *httpServer) {
		for range 20 {
			require.Equal(t, "hello /a", s.get("/a"))
		}
		require.Equal(t, big, s.get("/big"))
		require.Equal(t, 1, s.dials, "connections for as many requests, with keep-alive")
		s.end()
		_, err := s.client.Get(s.url)
		require.Error(t, err, "a request after Shutdown")
	})
}

// Shutdown waits for requests, Close does not.
func TestHTTPServerShutdownWaitsForRequests(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	slow := func(w http.ResponseWriter, _ *http.Request) {
		begun <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "late")
	}
	onHTTPServers(t, slow, func(t *testing.T, s *httpServer) {
		answered := make(chan string, 1)
		go func() { answered <- s.get("/") }()
		wait(t, begun, "a request")
		shut := make(chan error, 1)
		go func() { shut <- s.Shutdown(context.Background()) }()
		require.Equal(t, http.ErrServerClosed, wait(t, s.served, "Serve"))
		require.Empty(t, shut, "Shutdown with a request under way: it has returned")
		release <- struct{}{}
		require.Equal(t, "late", wait(t, answered, "an answer"))
		require.NoError(t, wait(t, shut, "Shutdown"))
	})
	onHTTPServers(t, slow, func(t *testing.T, s *httpServer) {
		failed := make(chan error, 1)
		go func() { _, err := s.client.Get(s.url); failed <- err }()
		wait(t, begun, "a request")
		require.NoError(t, s.Close())
		require.Error(t, wait(t, failed, "a request whose server was closed"))
		require.Equal(t, http.ErrServerClosed, wait(t, s.served, "Serve"))
		release <- struct{}{}
	})
}

// The server reads on while the handler runs, and so learns that the client has gone.
func TestHTTPServerCancelsTheRequestOfAClientThatIsGone(t *testing.T) {
	begun, cancelled := make(chan struct{}), make(chan error)
	waits := func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
		cancelled <- context.Cause(r.Context())
	}
	onHTTPServers(t, waits, func(t *testing.T, s *httpServer) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, "GET", s.url, nil)
		require.NoError(t, err)
		failed := make(chan error, 1)
		go func() { _, err := s.client.Do(request); failed <- err }()
		wait(t, begun, "a request")
		cancel() // the client closes its connection
		require.ErrorIs(t, wait(t, failed, "the request"), context.Canceled)
		require.Equal(t, context.Canceled, wait(t, cancelled, "the cancellation of the request's context"))
		s.end()
	})
}

func TestHTTPServerHijack(t *testing.T) {
	hijack := func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer conn.Close()
		if _, ok := conn.(*Conn); !ok {
			_, _ = io.WriteString(conn, "HTTP/1.1 500 not a *coro.Conn\r\n\r\n")
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, err := buffered.ReadString('\n')
		if err == nil {
			_, _ = io.WriteString(conn, "echo "+line)
		}
	}
	onHTTPServers(t, hijack, func(t *testing.T, s *httpServer) {
		request, err := http.NewRequest("GET", s.url, nil)
		require.NoError(t, err)
		request.Header.Set("Connection", "Upgrade")
		request.Header.Set("Upgrade", "echo")
		answer, err := s.client.Do(request)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode)
		stream := answer.Body.(io.ReadWriteCloser)
		_, err = io.WriteString(stream, "hello\n")
		require.NoError(t, err)
		line, err := bufio.NewReader(stream).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "echo hello\n", line)
		require.NoError(t, stream.Close())
		s.end()
	})
}

// http.ServeContent copies a file to the connection by its ReadFrom.
func TestHTTPServerSendsFilesInsideTheKernel(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		want := pattern(3 << 20)
		f := tempFile(t, want)
		l := newIdleLoop(t, e)
		ln := l.listen(t, e)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, f.Name()) })}
		served := make(chan error, 1)
		go func() { served <- server.Serve(ln) }()
		answer, err := http.Get("http://" + ln.Addr().String())
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, want, body)
		http.DefaultClient.CloseIdleConnections()
		require.NoError(t, server.Shutdown(context.Background()))
		require.Equal(t, http.ErrServerClosed, wait(t, served, "Serve"))
		if hasSendfile {
			require.NoError(t, l.loop().do(func() error {
				if e.os.sent < 2<<20 {
					return errors.New("the file went through user space")
				}
				return nil
			}))
		}
	})
}

func TestHTTPServerWithTLS(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		l := newIdleLoop(t, e)
		ln := l.listen(t, e)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
		require.NoError(t, server.Listener.Close())
		server.Listener = ln
		server.EnableHTTP2 = true
		server.StartTLS()
		defer server.Close()
		client := server.Client()
		transport := client.Transport.(*http.Transport)
		config := transport.TLSClientConfig.Clone()
		config.ServerName = "example.com"
		config.NextProtos = []string{"h2", "http/1.1"}
		transport.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := net.Dial(e.network, ln.Addr().String())
			if err != nil {
				return nil, err
			}
			secure := tls.Client(conn, config)
			return secure, secure.HandshakeContext(ctx)
		}
		for range 3 {
			answer, err := client.Get("https://example.com/")
			require.NoError(t, err)
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, "HTTP/2.0", string(body))
		}
	})
}
