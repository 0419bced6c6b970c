package exercise

// mutant is a bug, planted into copies of our files.
type mutant struct {
	bug   string
	edits []edit
}

// edit changes one place of a file.
type edit struct{ file, was, becomes string }

var mutants = []mutant{
	{"a lost wake-up", []edit{{"reactor/source.go",
		"if r&poller.Readable != 0 {\n\t\ts.wake(In, nil)",
		"if r == poller.Readable {\n\t\ts.wake(In, nil)"}}},
	{"a dropped partial write", []edit{{"coro/conn_io.go",
		"n += part\n",
		"if n += part; part > 0 {\n\t\t\tn = len(p)\n\t\t}\n"}}},
	{"a descriptor used after its end", []edit{{"reactor/source.go",
		"if !s.registered {\n\t\treturn net.ErrClosed\n\t}\n\tif !s.ready[d] {",
		"if s.loop == nil {\n\t\treturn net.ErrClosed\n\t}\n\tif !s.ready[d] && s.registered {"}}},
	{"a close before the data has drained", []edit{{"reactor/conn_close.go",
		"c.state = connDraining\n",
		"c.finish(nil)\n\tc.abort = false\n\treturn nil\n"}}},
	{"a timer that fires twice", []edit{{"reactor/turn.go",
		"t.target.Run()",
		"t.target.Run()\n\tt.target.Run()"}}},
	{"a timer that is early", []edit{{"reactor/timer.go",
		"if e.when > now ||",
		"if e.when > now+100*time.Microsecond ||"}}},
	{"a cancelled waiter left in its queue", []edit{{"coro/line.go",
		"if w.queued {\n\t\tq.remove(w)\n\t}\n",
		""}}},
	{"a value handed to a cancelled waiter", []edit{{"coro/queue.go",
		"if w.task.wake(result) {",
		"if w.task.wake(result) || true {"}}},
	{"an end of stream missed after a short read", []edit{{"reactor/source.go",
		"err == nil && n < len(p) && !s.readOn",
		"err == nil && n < len(p)"}}},
	{"a buffer without a limit", []edit{{"reactor/conn_write.go",
		"c.out.size+len(rest) > c.opts.HardLimit",
		"c.out.size+len(rest) > 1<<30"}}},
	{"a high-water mark that is not kept", []edit{{"reactor/conn_write.go",
		"c.paused |= pausedByOutput\n\t\tc.src.Cancel(In)\n",
		""}}},
	{"an OnClose that comes twice", []edit{{"reactor/conn_close.go",
		"c.handler.OnClose(c, c.reason)",
		"c.handler.OnClose(c, c.reason)\n\tc.handler.OnClose(c, c.reason)"}}},
	{"a mutex handed to nobody", []edit{{"coro/mutex.go",
		"m.give(w.task)",
		"_ = w"}}},
	{"a budget that is not kept", []edit{{"reactor/listener.go",
		"range l.limits.AcceptsPerTurn",
		"range 100 * l.limits.AcceptsPerTurn"}}},
	{"a cancellation that undoes what has completed", []edit{{"coro/task.go",
		"func (t *task) resumed() error {\n",
		"func (t *task) resumed() error {\n\tif t.scope.cause != nil && t.waits.cancellable() {\n\t\tt.result = t.scope.cause\n\t}\n"}}},
	{"a full batch of datagrams taken for the last one", []edit{{"reactor/source_packets.go",
		"n < min(len(into), poller.MaxDatagrams)",
		"n <= min(len(into), poller.MaxDatagrams)"}}},
	{"a batch of datagrams sent again after a part of it went", []edit{{"coro/packetconn_batch.go",
		"n, err = c.send(t, out)\n",
		"n, err = c.send(t, out)\n\t\tif n > 0 && n < len(out) {\n\t\t\t_, _ = c.src.Send(out[:n])\n\t\t}\n"}}},
	// These two are mistakes of a kernel.
	{"a truncated datagram that nobody is told of", []edit{{"poller/sim/packetsocket.go",
		"into.Truncated = into.N < len(d.payload)",
		"into.Truncated = false"}}},
	{"a stranger's datagram at a connected socket", []edit{{"poller/sim/packetports.go",
		"if s.remote != from {\n\t\t\treturn 0\n\t\t}\n",
		""}}},
	// Without the check in slots.find a stale event is taken for one of the slot's
	// next owner. By itself that is a spurious event, which hurts nobody. It does
	// in a loop that trusts in a hang-up.
	{"a stale event after its descriptor was used again", append([]edit{{"reactor/slots.go",
		"s != nil && s.token == token",
		"s != nil"}}, trustInHangUp...)},
}

// trustInHangUp takes "would block" after a hang-up for the end of the stream: a
// shortcut that is right as long as every event comes to its owner.
var trustInHangUp = []edit{
	{"reactor/source.go", "\treadOn     bool\n", "\treadOn     bool\n\thung       bool\n"},
	{"reactor/source.go", "\ttoken := s.token\n", "\ttoken := s.token\n\ts.hung = s.hung || r&poller.HangUp != 0\n"},
	{"reactor/source.go", "n, err := s.loop.os.Read(s.fd, p)\n",
		"n, err := s.loop.os.Read(s.fd, p)\n\tif err == poller.ErrWouldBlock && s.hung {\n\t\terr = io.EOF\n\t}\n"},
	{"reactor/source.go", "\t\"fmt\"\n", "\t\"fmt\"\n\t\"io\"\n"},
}
