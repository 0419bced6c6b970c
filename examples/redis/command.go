package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// command is what a client can ask for.
type command struct {
	name string
	// arity is how many words it has, its name included; negative for at least
	// as many.
	arity int
	// flags and keys are what COMMAND tells: keys are the first one's place, the
	// last one's (-1 is the end), and the step from one to the next.
	flags string
	keys  [3]int
	// subscribed: it may be used by who has subscribed to something.
	subscribed bool
	run        func(ctx context.Context, c *client, words [][]byte)
}

// commands are all of them, by name. They are put here below, because COMMAND
// looks at them.
var commands map[string]*command

func init() {
	one := [3]int{1, 1, 1}
	all := [3]int{1, -1, 1}
	commands = make(map[string]*command)
	for _, c := range []command{
		{name: "command", arity: -1, flags: "loading stale", run: commandCommand},
		{name: "client", arity: -2, flags: "noscript", run: clientCommand},
		{name: "config", arity: -2, flags: "admin noscript", run: configCommand},
		{name: "dbsize", arity: 1, flags: "readonly fast", run: dbsize},
		{name: "decr", arity: 2, flags: "write fast", keys: one, run: decr},
		{name: "del", arity: -2, flags: "write", keys: all, run: del},
		{name: "echo", arity: 2, flags: "fast", run: echo},
		{name: "exists", arity: -2, flags: "readonly fast", keys: all, run: exists},
		{name: "expire", arity: 3, flags: "write fast", keys: one, run: expire},
		{name: "flushall", arity: -1, flags: "write", run: flushall},
		{name: "get", arity: 2, flags: "readonly fast", keys: one, run: get},
		{name: "hello", arity: -1, flags: "fast", run: hello},
		{name: "incr", arity: 2, flags: "write fast", keys: one, run: incr},
		{name: "info", arity: -1, flags: "loading stale", run: info},
		{name: "keys", arity: 2, flags: "readonly", run: keys},
		{name: "persist", arity: 2, flags: "write fast", keys: one, run: persist},
		{name: "pexpire", arity: 3, flags: "write fast", keys: one, run: pexpire},
		{name: "ping", arity: -1, flags: "fast", subscribed: true, run: ping},
		{name: "pttl", arity: 2, flags: "readonly fast", keys: one, run: pttl},
		{name: "publish", arity: 3, flags: "pubsub fast", run: publish},
		{name: "quit", arity: -1, flags: "fast", subscribed: true, run: quit},
		{name: "select", arity: 2, flags: "fast", run: selectCommand},
		{name: "set", arity: -3, flags: "write", keys: one, run: set},
		{name: "subscribe", arity: -2, flags: "pubsub", subscribed: true, run: subscribe},
		{name: "ttl", arity: 2, flags: "readonly fast", keys: one, run: ttl},
		{name: "unsubscribe", arity: -1, flags: "pubsub", subscribed: true, run: unsubscribe},
	} {
		commands[c.name] = &c
	}
}

// longestName is more than any command's.
const longestName = 32

// find is the command of a name, in whatever case, or nil.
func find(name []byte) *command {
	var lower [longestName]byte
	if len(name) > len(lower) {
		return nil
	}
	for i, b := range name {
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		lower[i] = b
	}
	return commands[string(lower[:len(name)])]
}

// execute runs a command and appends its answer. It never waits: nobody sees a
// command half done, and so there is no lock.
func (c *client) execute(ctx context.Context, words [][]byte) {
	c.server.stats.commands++
	m := find(words[0])
	switch {
	case m == nil && isHTTP(words[0]):
		c.state = clientLeaving
	case m == nil:
		c.out.fail(unknown(words))
	case m.arity > 0 && len(words) != m.arity, len(words) < -m.arity:
		c.wrongNumber(m.name)
	case len(c.channels) > 0 && !m.subscribed:
		c.out.fail(fmt.Sprintf("ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", m.name))
	default:
		m.run(ctx, c, words)
	}
}

// isHTTP reports whether a word begins a line of an HTTP request that could carry
// commands in its body. Any page that somebody on this machine looks at can make the
// browser send such a one here: so it ends the connection, without an answer.
func isHTTP(word []byte) bool { return is(word, "POST") || is(word, "HOST:") }

// Errors that several commands have.
const (
	errSyntax     = "ERR syntax error"
	errNotInteger = "ERR value is not an integer or out of range"
)

func (c *client) wrongNumber(command string) {
	c.out.fail("ERR wrong number of arguments for '" + command + "' command")
}

// echoed is how many bytes of an unknown command are repeated in the error.
const echoed = 128

func unknown(words [][]byte) string {
	var args strings.Builder
	for _, w := range words[1:] {
		if args.Len() >= echoed {
			break
		}
		fmt.Fprintf(&args, "'%s' ", upTo(echoed-args.Len(), w))
	}
	return fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", upTo(echoed, words[0]), args.String())
}

func upTo(n int, b []byte) []byte { return b[:min(n, len(b))] }

// is reports whether a word is an option, given in capitals.
func is(word []byte, option string) bool {
	return len(word) == len(option) && bytes.EqualFold(word, []byte(option))
}

// subcommand runs what the second word names.
func (c *client) subcommand(words [][]byte, all map[string]func(c *client, args [][]byte)) {
	name := strings.ToLower(string(words[1]))
	run := all[name]
	if run == nil {
		c.out.fail(fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", upTo(echoed, words[1]), strings.ToUpper(string(words[0]))))
		return
	}
	run(c, words[2:])
}
