//go:build linux

package prefork

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// linkPair is two ends with their peers.
func linkPair(t *testing.T, limit int, ours, theirs Handlers) (*Peer, *Peer) {
	t.Helper()
	a, b, err := socketPair()
	require.NoError(t, err)
	var peers [2]*Peer
	for i, fd := range []int{a, b} {
		l, err := newLink(fd, limit)
		require.NoError(t, err)
		peers[i] = newPeer(l, []Handlers{ours, theirs}[i])
		p := peers[i]
		l.serve(func(f frame) {
			if !p.receive(f) {
				f.drop()
			}
		}, func(error) { p.end() })
		t.Cleanup(func() { l.close(); l.wait() })
	}
	return peers[0], peers[1]
}

func TestFrameComesOutAsItWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := frame{
			kind: frameKind(rapid.IntRange(1, 255).Draw(t, "kind")),
			id:   rapid.Uint64().Draw(t, "id"),
			name: string(rapid.SliceOfN(rapid.Byte(), 0, maxName).Draw(t, "name")),
			body: rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "body"),
			fd:   rapid.SampledFrom([]int{noFD, 5}).Draw(t, "fd"),
		}
		b := appendFrame(nil, &f)
		h, err := parseHeader((*[headerSize]byte)(b), 2000)
		if err != nil {
			t.Fatal(err)
		}
		if h.kind != f.kind || h.id != f.id || h.conn != (f.fd != noFD) || len(b) != headerSize+h.name+h.body ||
			string(b[headerSize:headerSize+h.name]) != f.name || !bytes.Equal(b[headerSize+h.name:], f.body) {
			t.Fatalf("%+v became %+v", f, h)
		}
	})
}

func TestMovedComesOutAsItWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := moved{rapid.SliceOf(rapid.Byte()).Draw(t, "state"), rapid.SliceOf(rapid.Byte()).Draw(t, "received")}
		got, err := parseMoved(appendMoved(nil, v))
		if err != nil || !bytes.Equal(got.state, v.state) || !bytes.Equal(got.received, v.received) {
			t.Fatalf("%v became %v, %v", v, got, err)
		}
	})
	_, err := parseMoved([]byte{0, 0, 0, 9, 1})
	require.ErrorIs(t, err, errFrame)
	_, err = parseMoved(nil)
	require.ErrorIs(t, err, errFrame)
}

func FuzzHeader(f *testing.F) {
	f.Add(appendFrame(nil, &frame{kind: frameTell, name: "x", fd: noFD}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < headerSize {
			return
		}
		h, err := parseHeader((*[headerSize]byte)(b), 100)
		if err == nil && (h.body > 100 || h.name > maxName || h.kind == 0) {
			t.Fatalf("accepted %+v", h)
		}
	})
}

func TestPeerAnswersAndRefuses(t *testing.T) {
	h := Handlers{}
	Handle(h, "add", func(_ context.Context, _ *Peer, q [2]int) (int, error) { return q[0] + q[1], nil })
	Handle(h, "fail", func(context.Context, *Peer, struct{}) (int, error) { return 0, errors.New("no luck") })
	Handle(h, "panic", func(context.Context, *Peer, struct{}) (int, error) { panic("oh") })
	Handle(h, "long", func(context.Context, *Peer, struct{}) (string, error) { return string(make([]byte, 200)), nil })
	a, _ := linkPair(t, 100, nil, h)
	ctx := t.Context()
	var sum int
	require.NoError(t, a.Ask(ctx, "add", [2]int{2, 3}, &sum))
	require.Equal(t, 5, sum)
	var remote *RemoteError
	for name, want := range map[string]string{
		"fail": "no luck", "panic": "panic in the handler: oh", "long": ErrMessageSize.Error(), "none": "there is no handler",
	} {
		err := a.Ask(ctx, name, struct{}{}, nil)
		require.ErrorAs(t, err, &remote, name)
		require.ErrorContains(t, err, want)
	}
	require.ErrorAs(t, a.Ask(ctx, "add", "no pair", nil), &remote)
	require.ErrorIs(t, a.Tell("add", make([]int, 100)), ErrMessageSize)
	require.NoError(t, a.Ask(ctx, "add", [2]int{1, 1}, &sum), "afterwards")
}

func TestPeerEndsAllWaitingWithTheLink(t *testing.T) {
	asked := make(chan struct{})
	h := Handlers{}
	Handle(h, "wait", func(ctx context.Context, _ *Peer, _ struct{}) (int, error) {
		close(asked)
		<-ctx.Done()
		return 0, nil
	})
	a, b := linkPair(t, 0, nil, h)
	ended := make(chan error, 1)
	go func() { ended <- a.Ask(context.Background(), "wait", struct{}{}, nil) }()
	wait(t, asked, "the request")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, a.Ask(ctx, "wait2", struct{}{}, nil), context.Canceled)
	b.link.close()
	require.ErrorIs(t, wait(t, ended, "the end of Ask"), net.ErrClosed)
	require.ErrorIs(t, a.Ask(t.Context(), "wait", struct{}{}, nil), net.ErrClosed)
}

func TestLinkIsClosedByWhatIsNoFrame(t *testing.T) {
	for what, b := range map[string][]byte{
		"zeros":              make([]byte, headerSize),
		"an announced flood": {0xff, 0xff, 0xff, 0xff, byte(frameTell), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		t.Run(what, func(t *testing.T) {
			ours, theirs, err := socketPair()
			require.NoError(t, err)
			l, err := newLink(ours, 100)
			require.NoError(t, err)
			ended := make(chan error, 1)
			l.serve(func(f frame) { t.Errorf("frame %+v", f) }, func(err error) { ended <- err })
			other := os.NewFile(uintptr(theirs), "other")
			defer other.Close()
			_, err = other.Write(b)
			require.NoError(t, err)
			require.Error(t, wait(t, ended, "the link's end"))
			l.wait()
		})
	}
}

func TestLinkPassesDescriptorsInOrder(t *testing.T) {
	ours, theirs, err := socketPair()
	require.NoError(t, err)
	a, err := newLink(ours, 0)
	require.NoError(t, err)
	b, err := newLink(theirs, 0)
	require.NoError(t, err)
	defer func() { a.close(); b.close(); a.wait(); b.wait() }()
	type got struct {
		name string
		fd   int
	}
	received := make(chan got, 200)
	a.serve(func(frame) {}, func(error) {})
	b.serve(func(f frame) { received <- got{f.name, f.fd} }, func(error) {})
	for i := range 100 {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		_, err = w.Write([]byte{byte(i)})
		require.NoError(t, err)
		w.Close()
		fd, err := dup(r)
		require.NoError(t, err)
		r.Close()
		require.NoError(t, a.sendWaiting(frame{kind: frameConn, name: "conn", fd: fd, body: make([]byte, i*100)}, nil))
		require.NoError(t, a.sendWaiting(frame{kind: frameTell, name: "tell", fd: noFD}, nil))
	}
	for i := range 100 {
		g := wait(t, received, "a descriptor")
		require.Equal(t, "conn", g.name)
		f := os.NewFile(uintptr(g.fd), "pipe")
		one := make([]byte, 1)
		_, err := f.Read(one)
		require.NoError(t, err)
		require.Equal(t, byte(i), one[0], "descriptor %d is another one's", i)
		f.Close()
		require.Equal(t, got{"tell", noFD}, wait(t, received, "a message"))
	}
}

func TestLinkThatIsNotReadIsBusy(t *testing.T) {
	ours, theirs, err := socketPair()
	require.NoError(t, err)
	l, err := newLink(ours, 1<<20)
	require.NoError(t, err)
	l.serve(func(frame) {}, func(error) {})
	defer func() { l.close(); l.wait(); closeFD(theirs) }()
	f := frame{kind: frameTell, body: make([]byte, 1<<20), fd: noFD}
	for err == nil {
		err = l.send(f)
	}
	require.ErrorIs(t, err, ErrLinkBusy)
	giveUp := make(chan struct{})
	close(giveUp)
	require.ErrorIs(t, l.sendWaiting(f, giveUp), ErrLinkBusy)
}

func TestRestartsGrowApartUpToTheLimit(t *testing.T) {
	r := restarts{policy: RestartPolicy{Limit: 9, MaxBackoff: time.Second}.withDefaults()}
	var waits []time.Duration
	for range 8 {
		wait, err := r.ended(time.Second, exit{})
		require.NoError(t, err)
		waits = append(waits, wait)
	}
	ms := time.Millisecond
	require.Equal(t, []time.Duration{0, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1000 * ms, 1000 * ms, 1000 * ms}, waits)
	_, err := r.ended(0, exit{err: errors.New("broken")})
	require.ErrorIs(t, err, ErrWorkersEnd)
	require.ErrorContains(t, err, "broken")
	wait, err := r.ended(time.Minute, exit{})
	require.NoError(t, err, "one that had served for long")
	require.Zero(t, wait)
}

func TestLinkIsReadToItsEndAlsoWhenItCannotBeWritten(t *testing.T) {
	ours, theirs, err := socketPair()
	require.NoError(t, err)
	l, err := newLink(ours, 0)
	require.NoError(t, err)
	other := os.NewFile(uintptr(theirs), "other")
	for _, name := range []string{"one", "two", "three"} {
		_, err = other.Write(appendFrame(nil, &frame{kind: frameTell, name: name, fd: noFD}))
		require.NoError(t, err)
	}
	require.NoError(t, other.Close())
	var got []string
	ended := make(chan error, 1)
	l.serve(func(f frame) {
		got = append(got, f.name)
		<-l.done // the writing has failed, while two frames are still to be read
	}, func(err error) { ended <- err })
	require.NoError(t, l.send(frame{kind: frameTell, fd: noFD}))
	require.NoError(t, wait(t, ended, "the link's end"))
	require.Equal(t, []string{"one", "two", "three"}, got)
	require.ErrorIs(t, l.send(frame{kind: frameTell, fd: noFD}), net.ErrClosed)
	l.wait()
}
