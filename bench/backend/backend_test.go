package backend

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft/poller/leaktest"
)

// fasthttp keeps a clock for its Date header, for good.
func TestMain(m *testing.M) {
	leaktest.Main(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

func TestRegistryNamesEachBackendOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range Registry {
		require.NotEmpty(t, b.Name)
		require.NotEmpty(t, b.About, b.Name)
		require.False(t, seen[b.Name], b.Name)
		seen[b.Name] = true
	}
	require.True(t, seen[Floor])
}

func TestFindNamesWhatThereIs(t *testing.T) {
	for _, name := range Names() {
		b, err := Find(name)
		require.NoError(t, err)
		require.Equal(t, name, b.Name)
		require.NotNil(t, b.Serve)
	}
	_, err := Find("nope")
	require.ErrorContains(t, err, `unknown backend "nope"; there are: `)
	require.ErrorContains(t, err, "net")
}

// skipUnlessHere skips a test for a backend that cannot serve in this process.
func skipUnlessHere(t *testing.T, b Backend) {
	t.Helper()
	switch {
	case b.External() && b.Absent() != "":
		t.Skip("not installed: " + b.Absent())
	case b.Processes && !b.External():
		t.Skip("its workers would be this test again; bench's own tests start it as a program")
	}
}

func TestServeReturnsWhenItsContextEnds(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			b, err := Find(name)
			require.NoError(t, err)
			skipUnlessHere(t, b)
			if !b.Offers(Echo) {
				t.Skip("no echo server")
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ready, ended := make(chan string, 1), make(chan error, 1)
			go func() {
				ended <- b.Serve(ctx, Config{Addr: "127.0.0.1:0", Loops: 2, Ready: func(addr string) { ready <- addr }})
			}()
			var addr string
			select {
			case addr = <-ready:
			case err := <-ended:
				t.Fatal("it ended before it was ready:", err)
			}

			c, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			_, err = c.Write([]byte("hello"))
			require.NoError(t, err)
			_, err = io.ReadFull(c, make([]byte, 5))
			require.NoError(t, err)
			// The server's end is closed when we have read the end of stream.
			require.NoError(t, c.(*net.TCPConn).CloseWrite())
			_, err = c.Read(make([]byte, 1))
			require.Equal(t, io.EOF, err)
			require.NoError(t, c.Close())

			cancel()
			require.NoError(t, <-ended)
		})
	}
}

func TestExternalBackendsTellTheirVersion(t *testing.T) {
	for _, b := range Registry {
		if !b.External() {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			skipUnlessHere(t, b)
			require.Regexp(t, "[0-9]+[.][0-9]+", b.Version())
		})
	}
}

func TestBufferOfAConnectionGrowsToThatOfALoop(t *testing.T) {
	buf, sizes := make([]byte, connBuffer), []int{}
	for range 6 {
		buf = larger(buf)
		sizes = append(sizes, len(buf)>>10)
	}
	require.Equal(t, []int{8, 16, 32, 64, 64, 64}, sizes)
}
