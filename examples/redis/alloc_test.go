package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// A client without a connection: what a pipeline costs besides reading and
// writing.
func offline() *client {
	return newClient(newServer(limits{maxBulk: defaultMaxBulk, maxClients: 1}), nil)
}

func (c *client) handles(t require.TestingT, stream string) {
	for n := 0; n < len(stream); {
		copied := copy(c.in.room(), stream[n:])
		c.in.filled(copied)
		n += copied
		require.NoError(t, c.executeAll(context.Background()))
	}
	c.out = c.out[:0]
}

func TestRedisCommandsOnExistingKeysDoNotAllocate(t *testing.T) {
	for name, commands := range map[string]string{
		"GET":     request("GET", "key"),
		"SET":     request("SET", "key", "another value") + request("SET", "key", "value"),
		"SET EX":  request("SET", "key", "value", "EX", "10"),
		"INCR":    request("INCR", "counter") + "DECR counter\r\n",
		"EXPIRE":  request("EXPIRE", "key", "10") + request("TTL", "key") + request("PERSIST", "key"),
		"EXISTS":  request("EXISTS", "key", "counter", "missing"),
		"PUBLISH": request("PUBLISH", "nobody", "hello"),
	} {
		t.Run(name, func(t *testing.T) {
			c := offline()
			c.handles(t, request("SET", "key", "value")+request("SET", "counter", "100000"))
			require.Zero(t, testing.AllocsPerRun(100, func() { c.handles(t, commands) }))
		})
	}
}

// How much of a request's cost is ours?
func BenchmarkCommand(b *testing.B) {
	for name, one := range map[string]string{"GET": request("GET", "key"), "SET": request("SET", "key", "xxx")} {
		b.Run(name, func(b *testing.B) {
			c := offline()
			c.handles(b, request("SET", "key", "xxx"))
			pipeline := ""
			for range 16 {
				pipeline += one
			}
			b.ReportAllocs()
			for n := 0; n < b.N; n += 16 {
				c.handles(b, pipeline)
			}
		})
	}
}
