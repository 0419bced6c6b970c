package pollertest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var options = []sentence{
	{says: "SetOption sets a socket option and Option reads it", test: func(t *testing.T, l *Loop) {
		client, _ := l.Pair()
		for _, o := range []struct {
			option poller.Option
			value  int
		}{
			{poller.NoDelay, 0}, {poller.NoDelay, 1}, {poller.KeepAliveIdle, 0}, {poller.KeepAlive, 1}, {poller.KeepAlive, 0},
			{poller.Linger, 0}, {poller.Linger, 3}, {poller.Linger, -1},
		} {
			require.NoError(t, l.SetOption(client, o.option, o.value), "set %v to %d", o.option, o.value)
			got, err := l.Option(client, o.option)
			require.NoError(t, err, "read %v", o.option)
			require.Equal(t, o.value, got, "%v after it was set", o.option)
		}
		for _, o := range []poller.Option{poller.SendBuffer, poller.ReceiveBuffer} {
			require.NoError(t, l.SetOption(client, o, 32<<10), "set %v", o)
			got, err := l.Option(client, o)
			require.NoError(t, err)
			require.GreaterOrEqual(t, got, 32<<10, "%v after it was set to 32 KiB", o)
		}
	}},

	{says: "KeepAliveIdle turns probes on and off", test: func(t *testing.T, l *Loop) {
		client, _ := l.Pair()
		for _, idle := range []int{7, 0} {
			require.NoError(t, l.SetOption(client, poller.KeepAliveIdle, idle))
			got, err := l.Option(client, poller.KeepAlive)
			require.NoError(t, err)
			require.Equal(t, min(idle, 1), got, "KeepAlive after KeepAliveIdle was set to %d", idle)
		}
	}},

	{says: "The times of keep-alive are set and read, or errors.ErrUnsupported", test: func(t *testing.T, l *Loop) {
		client, _ := l.Pair()
		for o, value := range map[poller.Option]int{poller.KeepAliveInterval: 11, poller.KeepAliveCount: 5} {
			if err := l.SetOption(client, o, value); err != nil {
				require.ErrorIs(t, err, errors.ErrUnsupported, "set %v", o)
				continue
			}
			got, err := l.Option(client, o)
			require.NoError(t, err)
			require.Equal(t, value, got, "%v after it was set", o)
		}
	}},

	{says: "NoDelay is the default", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		for _, fd := range []poller.FD{client, server} {
			got, err := l.Option(fd, poller.NoDelay)
			require.NoError(t, err)
			require.Equal(t, 1, got, "NoDelay without any option")
		}
	}},

	{says: "Keep-alive is off by default", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		for _, fd := range []poller.FD{client, server} {
			got, err := l.Option(fd, poller.KeepAliveIdle)
			require.NoError(t, err)
			require.Zero(t, got, "KeepAliveIdle without any option")
		}
	}},

	{says: "Linger 0 makes close a reset and -1 takes it back", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		require.NoError(t, l.SetOption(client, poller.Linger, 0))
		require.NoError(t, l.CloseFD(client))
		_, err := l.ReceiveAll(server)
		require.Error(t, err, "end of the stream after a close with Linger 0")

		client, server = l.Pair()
		require.NoError(t, l.SetOption(client, poller.Linger, 0))
		require.NoError(t, l.SetOption(client, poller.Linger, -1))
		require.NoError(t, l.CloseFD(client))
		_, err = l.ReceiveAll(server)
		require.NoError(t, err, "end of the stream after a close with Linger -1")
	}},

	{says: "An unknown option is errors.ErrUnsupported", test: func(t *testing.T, l *Loop) {
		client, _ := l.Pair()
		err := l.SetOption(client, poller.Option(200), 1)
		require.ErrorIs(t, err, errors.ErrUnsupported, "SetOption")
		_, err = l.Option(client, poller.Option(200))
		require.ErrorIs(t, err, errors.ErrUnsupported, "Option")
	}},
}
