package main

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/inprocess"
)

// tap keeps what the server sends, as it is on the wire.
type tap struct {
	net.Conn
	seen []byte
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.seen = append(t.seen, p[:n]...)
	return n, err
}

// requireAlert checks that the last record was an alert, or in 1.3, where types
// are encrypted, one of an alert's size.
func (t *tap) requireAlert(test *testing.T, version uint16, what string) {
	test.Helper()
	const header, alert, applicationData = 5, 21, 23
	var last []byte
	for rest := t.seen; len(rest) >= header; {
		n := header + int(binary.BigEndian.Uint16(rest[3:]))
		require.LessOrEqual(test, n, len(rest), "a record that was cut off")
		last, rest = rest[:n], rest[n:]
	}
	require.NotEmpty(test, last, "what the server sent")
	if version == tls.VersionTLS13 {
		const level, description, innerType, tag = 1, 1, 1, 16
		require.Equal(test, byte(applicationData), last[0])
		require.Len(test, last, header+level+description+innerType+tag, what)
		return
	}
	require.Equal(test, byte(alert), last[0], "the last record's type: %s", what)
}

func TestTLSRubbishGetsAnAlertAndCostsOneConnection(t *testing.T) {
	s := serving(t)
	other := s.secure(s.client(tls.VersionTLS13))
	for name, rubbish := range map[string]string{
		"another protocol":           "GET / HTTP/1.1\r\nHost: weft\r\n\r\n",
		"a handshake of nothing":     "\x16\x03\x01\x00\x04\x01\x00\x00\x00",
		"a record that is too large": "\x16\x03\x01\xff\xff" + string(make([]byte, 1<<16)),
		"an unknown record type":     "\x63\x03\x01\x00\x01x",
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dial()
			_, err := io.WriteString(c, rubbish)
			require.NoError(t, err)
			got, err := io.ReadAll(c)
			require.NoError(t, err, "the alert, and the end; got % x", got)
			const alert, fatal = 21, 2
			require.Len(t, got, 7)
			require.Equal(t, []byte{alert, fatal}, []byte{got[0], got[5]})
			echoes(t, other, "unhurt")
		})
	}
	versions(t, func(t *testing.T, version uint16) {
		tap := &tap{Conn: s.dial()}
		c := tls.Client(tap, s.client(version))
		echoes(t, c, "in order so far")
		_, err := tap.Write([]byte("\x17\x03\x03\x00\x20" + string(make([]byte, 32))))
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, c)
		require.ErrorContains(t, err, "bad record MAC")
		tap.requireAlert(t, version, "bad_record_mac")
		echoes(t, other, "unhurt")
	})
}

func TestTLSHandshakesHaveATimeLimit(t *testing.T) {
	s := serving(t, "-handshake-timeout", "500ms")
	for name, says := range map[string]string{"silence": "", "half a hello": "\x16\x03\x01\x02\x00\x01"} {
		t.Run(name, func(t *testing.T) {
			c := s.dial()
			_, err := io.WriteString(c, says)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, c)
			if err != nil { // what the server had not read makes its end a reset
				var network *net.OpError
				require.ErrorAs(t, err, &network)
				require.False(t, network.Timeout(), "ended by the server: %v", err)
			}
		})
	}
	s.serves()
}

func TestTLSHandshakesWaitForAPlace(t *testing.T) {
	s := serving(t, "-max-handshakes", "1")
	done := s.secure(s.client(tls.VersionTLS13))
	staller := s.dial()
	inprocess.Until(t, "the handshake of one that says nothing", func() bool { return waiting("read") == 2 })
	second := tls.Client(s.dial(), s.client(tls.VersionTLS13))
	finished := make(chan error, 1)
	go func() { finished <- second.Handshake() }()
	inprocess.Until(t, "the next one, without a place", func() bool { return waiting("acquire") == 1 })
	echoes(t, done, "those whose handshake is done do not notice")
	require.Empty(t, finished)
	require.NoError(t, staller.Close())
	require.NoError(t, <-finished, "the handshake, when a place is free")
	echoes(t, second, "served")
}

func TestTLSAClientThatDoesNotReadIsBounded(t *testing.T) {
	s := serving(t, "-answer-timeout", "1s")
	c := s.secure(s.client(tls.VersionTLS13))
	// More than all buffers on the way hold.
	const most = 64 << 20
	ended := make(chan error, 1)
	go func() {
		chunk := make([]byte, 1<<20)
		var err error
		for sent := 0; err == nil && sent < most; sent += len(chunk) {
			_, err = c.Write(chunk)
		}
		ended <- err
	}()
	inprocess.Until(t, "the task that waits for room, or its end", func() bool { return waiting("write") == 1 || len(ended) == 1 })
	s.serves()
	err := <-ended
	require.Error(t, err, "writing %d bytes without reading one: the sender was never stopped", most)
	require.True(t, isReset(err), "ended by the server: %v", err)
	inprocess.Until(t, "the end of its task", func() bool { return waiting("read") == 0 && waiting("write") == 0 })
}

func isReset(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && !network.Timeout()
}

func TestTLSServerSaysGoodbyeWhenItEnds(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		s := serving(t)
		tap := &tap{Conn: s.dial()}
		c := tls.Client(tap, s.client(version))
		echoes(t, c, "hello")
		ended := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			c.Close()
			ended <- err
		}()
		s.End()
		s.Wait()
		require.Equal(t, io.EOF, <-ended)
		tap.requireAlert(t, version, "close_notify")
	})
}
