package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"time"
)

// redisVersion is what clients are told, which look for what a server can do.
const redisVersion = "7.0.0"

func ping(_ context.Context, c *client, words [][]byte) {
	switch {
	case len(words) > 2:
		c.wrongNumber("ping")
	case len(c.channels) > 0: // a subscriber is answered as it gets messages
		c.out.array(2)
		c.out.bulkString("pong")
		c.out.bulk(slices.Concat(words[1:]...))
	case len(words) == 2:
		c.out.bulk(words[1])
	default:
		c.out.status("PONG")
	}
}

func echo(_ context.Context, c *client, words [][]byte) { c.out.bulk(words[1]) }

func quit(_ context.Context, c *client, _ [][]byte) {
	c.out.status("OK")
	c.state = clientLeaving
}

func selectCommand(_ context.Context, c *client, words [][]byte) {
	switch n, ok := parseInt(words[1]); {
	case !ok:
		c.out.fail(errNotInteger)
	case n != 0:
		c.out.fail("ERR DB index is out of range")
	default:
		c.out.status("OK")
	}
}

// hello answers clients that ask for the protocol. There is only version 2;
// clients that want 3 are told so, and go on with 2.
func hello(_ context.Context, c *client, words [][]byte) {
	if len(words) > 1 {
		switch version, ok := parseInt(words[1]); {
		case !ok:
			c.out.fail("ERR Protocol version is not an integer or out of range")
			return
		case version != 2:
			c.out.fail("NOPROTO unsupported protocol version")
			return
		}
	}
	if len(words) > 2 {
		c.out.fail(fmt.Sprintf("ERR Syntax error in HELLO option '%s'", upTo(echoed, words[2])))
		return
	}
	c.out.array(14)
	for _, s := range []string{"server", "weft", "version", redisVersion, "proto"} {
		c.out.bulkString(s)
	}
	c.out.integer(2)
	c.out.bulkString("id")
	c.out.integer(int64(c.id))
	for _, s := range []string{"mode", "standalone", "role", "master", "modules"} {
		c.out.bulkString(s)
	}
	c.out.array(0)
}

// commandCommand lists the commands. redis-cli asks for their documentation when it
// starts, and does without.
func commandCommand(_ context.Context, c *client, words [][]byte) {
	if len(words) == 1 {
		describe(c, nil)
		return
	}
	c.subcommand(words, map[string]func(*client, [][]byte){
		"count": func(c *client, _ [][]byte) { c.out.integer(int64(len(commands))) },
		"docs":  func(c *client, _ [][]byte) { c.out.array(0) },
		"info":  describe,
		"list": func(c *client, _ [][]byte) {
			c.out.array(len(commands))
			for _, name := range commandNames() {
				c.out.bulkString(name)
			}
		},
	})
}

// describe answers with the commands of these names, or all.
func describe(c *client, names [][]byte) {
	if len(names) == 0 {
		for _, name := range commandNames() {
			names = append(names, []byte(name))
		}
	}
	c.out.array(len(names))
	for _, name := range names {
		m := find(name)
		if m == nil {
			c.out.null()
			continue
		}
		c.out.array(6)
		c.out.bulkString(m.name)
		c.out.integer(int64(m.arity))
		flags := strings.Fields(m.flags)
		c.out.array(len(flags))
		for _, f := range flags {
			c.out.status(f)
		}
		for _, k := range m.keys {
			c.out.integer(int64(k))
		}
	}
}

func commandNames() []string {
	var names []string
	for name := range commands {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func clientCommand(_ context.Context, c *client, words [][]byte) {
	c.subcommand(words, map[string]func(*client, [][]byte){
		"id": func(c *client, _ [][]byte) { c.out.integer(int64(c.id)) },
		"getname": func(c *client, _ [][]byte) {
			if c.name == "" {
				c.out.null()
			} else {
				c.out.bulkString(c.name)
			}
		},
		"setinfo": func(c *client, _ [][]byte) { c.out.status("OK") },
		"setname": func(c *client, args [][]byte) {
			switch {
			case len(args) != 1:
				c.wrongNumber("client|setname")
			case slices.ContainsFunc(args[0], func(b byte) bool { return b < '!' || b > '~' }):
				c.out.fail("ERR Client names cannot contain spaces, newlines or special characters.")
			default:
				c.name = string(args[0])
				c.out.status("OK")
			}
		},
	})
}

// configCommand tells what the server does, in the words of Redis' configuration.
// redis-benchmark asks for some of it. Nothing can be set.
func configCommand(_ context.Context, c *client, words [][]byte) {
	c.subcommand(words, map[string]func(*client, [][]byte){"get": configGet})
}

func configGet(c *client, patterns [][]byte) {
	if len(patterns) == 0 {
		c.wrongNumber("config|get")
		return
	}
	var found []string
	for _, setting := range [][2]string{
		{"appendonly", "no"},
		{"client-output-buffer-limit", fmt.Sprintf("normal 0 0 0 slave 0 0 0 pubsub %d 0 0", subscriberBytes)},
		{"databases", "1"},
		{"io-threads", "1"},
		{"maxclients", fmt.Sprint(c.server.limits.maxClients)},
		{"maxmemory", "0"},
		{"proto-max-bulk-len", fmt.Sprint(c.server.limits.maxBulk)},
		{"save", ""},
		{"timeout", "0"},
	} {
		if slices.ContainsFunc(patterns, func(p []byte) bool { return matches(p, setting[0]) }) {
			found = append(found, setting[:]...)
		}
	}
	c.out.array(len(found))
	for _, s := range found {
		c.out.bulkString(s)
	}
}

// info tells about the server, all of it or the sections that are named.
func info(_ context.Context, c *client, words [][]byte) {
	s := c.server
	up := time.Since(s.began)
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	var text strings.Builder
	for _, section := range []struct{ name, lines string }{
		{"Server", fmt.Sprintf("redis_version:%s\nserver_name:weft\nredis_mode:standalone\nos:%s %s\ngo_version:%s\nuptime_in_seconds:%d\n",
			redisVersion, runtime.GOOS, runtime.GOARCH, runtime.Version(), int(up.Seconds()))},
		{"Clients", fmt.Sprintf("connected_clients:%d\nmaxclients:%d\npubsub_channels:%d\n",
			s.stats.clients, s.limits.maxClients, len(s.channels))},
		{"Memory", fmt.Sprintf("used_memory:%d\n", heap[0].Value.Uint64())},
		{"Stats", fmt.Sprintf("total_connections_received:%d\ntotal_commands_processed:%d\nrejected_connections:%d\nexpired_keys:%d\nkeyspace_hits:%d\nkeyspace_misses:%d\nclient_output_buffer_limit_disconnections:%d\n",
			s.stats.connections, s.stats.commands, s.stats.rejected, s.keys.expired, s.stats.hits, s.stats.misses, s.stats.dropped)},
		{"Keyspace", s.keys.info()},
	} {
		if wantsSection(words[1:], section.name) {
			if text.Len() > 0 {
				text.WriteString("\n")
			}
			text.WriteString("# " + section.name + "\n" + section.lines)
		}
	}
	c.out.bulkString(strings.ReplaceAll(text.String(), "\n", "\r\n"))
}

func (k *keyspace) info() string {
	if len(k.items) == 0 {
		return ""
	}
	return fmt.Sprintf("db0:keys=%d,expires=%d,avg_ttl=0\n", len(k.items), len(k.expiring))
}

func wantsSection(names [][]byte, section string) bool {
	return len(names) == 0 || slices.ContainsFunc(names, func(name []byte) bool {
		return is(name, section) || is(name, "all") || is(name, "everything") || is(name, "default")
	})
}
