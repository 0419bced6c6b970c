package coro

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// selectModel is two Chans and an Event, and lists of who waits for them.
type selectModel struct {
	*modelTest
	chans   []*modelChan
	event   Event
	set     bool
	waiting []modelWait // for the event
	last    int         // no two values are equal
}

type modelChan struct {
	*Chan[int]
	buffer             []int
	over               bool
	senders, receivers []modelWait
}

// modelCase is a case, and modelWait one that waits.
type modelCase struct {
	kind  string
	of    *modelChan
	value int
}

type modelWait struct {
	call  *call
	index int
	value int
}

// chosen is what an operation comes to; a Send or Recv is a Select of one case.
type chosen struct {
	Index, Value int
	Err          error
}

// Sends and receives, alone and as cases of a Select, also of both directions of
// one Chan, and of the same Chan twice.
func TestChanAndSelectAgreeWithAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		onModelLoop(t, func(test *modelTest) {
			m := &selectModel{modelTest: test}
			for range 2 {
				m.chans = append(m.chans, &modelChan{Chan: NewChan[int](rapid.IntRange(0, 3).Draw(t, "capacity"))})
			}
			t.Repeat(map[string]func(*rapid.T){
				"Send or Recv":      func(*rapid.T) { m.plain() },
				"Select":            func(*rapid.T) { m.selects() },
				"TrySelect":         func(*rapid.T) { m.trySelect() },
				"one is cancelled":  func(*rapid.T) { m.forget(m.cancel()) },
				"the event changes": func(*rapid.T) { m.toggle() },
				"Close":             func(*rapid.T) { m.close() },
				"all run":           func(*rapid.T) { m.settle() },
				"":                  func(*rapid.T) { m.check() },
			})
			m.end()
			for _, c := range m.chans {
				stats := c.Stats()
				require.Zero(t, stats.SendersWaiting+stats.ReceiversWaiting, "left behind in the queues")
				require.Equal(t, stats.Sent, stats.Received+uint64(stats.Len), "values sent, want those received and those in the buffer")
			}
			require.Zero(t, m.event.Stats().Waiting, "left behind at the event")
		})
	})
}

func (m *selectModel) draw(kinds ...string) modelCase {
	m.last++
	return modelCase{rapid.SampledFrom(kinds).Draw(m.T, "kind"), rapid.SampledFrom(m.chans).Draw(m.T, "chan"), m.last}
}

func (m *selectModel) plain() {
	c := m.draw("send", "receive")
	m.begin([]modelCase{c}, m.start(func(ctx context.Context) (any, error) {
		var got chosen
		if c.kind == "send" {
			got.Err = c.of.Send(ctx, c.value)
		} else {
			got.Value, got.Err = c.of.Recv(ctx)
		}
		if errors.Is(got.Err, errTest) {
			return nil, got.Err
		}
		return got, nil
	}))
}

func (m *selectModel) selects() {
	model, cases, into := m.cases()
	m.begin(model, m.start(func(ctx context.Context) (any, error) {
		i, err := Select(ctx, cases...)
		if i < 0 {
			return nil, err
		}
		return chosen{i, *into, err}, nil
	}))
}

func (m *selectModel) trySelect() {
	model, cases, into := m.cases()
	i, err := TrySelect(m.ctx, cases...)
	want, ok := m.poll(model)
	if !ok {
		want.Index = -1
	}
	require.Equal(m, want, chosen{i, *into, err}, "TrySelect of %v", model)
}

func (m *selectModel) cases() (model []modelCase, cases []Case, into *int) {
	into = new(int)
	for range rapid.IntRange(1, 4).Draw(m.T, "cases") {
		c := m.draw("send", "receive", "event", "nil")
		model = append(model, c)
		switch c.kind {
		case "send":
			cases = append(cases, c.of.SendCase(c.value))
		case "receive":
			cases = append(cases, c.of.RecvCase(into))
		case "event":
			cases = append(cases, m.event.WaitCase())
		case "nil":
			cases = append(cases, (*Chan[int])(nil).RecvCase(into))
		}
	}
	return model, cases, into
}

// begin is Select in the model.
func (m *selectModel) begin(cases []modelCase, call *call) {
	if got, ok := m.poll(cases); ok {
		call.finish(got, nil)
		return
	}
	for i, c := range cases {
		w := modelWait{call, i, c.value}
		switch c.kind {
		case "send":
			c.of.senders = append(c.of.senders, w)
		case "receive":
			c.of.receivers = append(c.of.receivers, w)
		case "event":
			m.waiting = append(m.waiting, w)
		}
	}
}

// poll does the first case that is ready.
func (m *selectModel) poll(cases []modelCase) (got chosen, ok bool) {
	for i, c := range cases {
		ch := c.of
		switch {
		case c.kind == "event" && m.set:
			return chosen{Index: i}, true
		case c.kind == "send" && ch.over:
			return chosen{Index: i, Err: ErrChanClosed}, true
		case c.kind == "send" && len(ch.receivers) > 0:
			m.complete(ch.receivers[0], c.value, nil)
			return chosen{Index: i}, true
		case c.kind == "send" && len(ch.buffer) < ch.Cap():
			ch.buffer = append(ch.buffer, c.value)
			return chosen{Index: i}, true
		case c.kind == "receive" && len(ch.buffer) > 0:
			v := ch.buffer[0]
			ch.buffer = ch.buffer[1:]
			if len(ch.senders) > 0 {
				ch.buffer = append(ch.buffer, ch.senders[0].value)
				m.complete(ch.senders[0], 0, nil)
			}
			return chosen{Index: i, Value: v}, true
		case c.kind == "receive" && len(ch.senders) > 0:
			v := ch.senders[0].value
			m.complete(ch.senders[0], 0, nil)
			return chosen{Index: i, Value: v}, true
		case c.kind == "receive" && ch.over:
			return chosen{Index: i, Err: ErrChanClosed}, true
		}
	}
	return chosen{}, false
}

func (m *selectModel) complete(w modelWait, value int, err error) {
	w.call.finish(chosen{w.index, value, err}, nil)
	m.forget(w.call)
}

// forget takes a call out of all queues.
func (m *selectModel) forget(c *call) {
	of := func(w modelWait) bool { return w.call == c }
	m.waiting = slices.DeleteFunc(m.waiting, of)
	for _, ch := range m.chans {
		ch.senders = slices.DeleteFunc(ch.senders, of)
		ch.receivers = slices.DeleteFunc(ch.receivers, of)
	}
}

func (m *selectModel) toggle() {
	if m.set {
		require.NoError(m, m.event.Clear(m.ctx))
	} else {
		require.NoError(m, m.event.Set(m.ctx))
		for len(m.waiting) > 0 {
			m.complete(m.waiting[0], 0, nil)
		}
	}
	m.set = !m.set
}

// close closes the last Chan, now and then.
func (m *selectModel) close() {
	c := m.chans[1]
	if rapid.IntRange(0, 5).Draw(m.T, "Close") > 0 {
		return
	}
	err := c.Close(m.ctx)
	if c.over {
		require.Equal(m, ErrChanClosed, err, "the second Close")
		return
	}
	require.NoError(m, err)
	c.over = true
	for len(c.senders) > 0 {
		m.complete(c.senders[0], 0, ErrChanClosed)
	}
	for len(c.receivers) > 0 {
		m.complete(c.receivers[0], 0, ErrChanClosed)
	}
}

func (m *selectModel) check() {
	require.Equal(m, len(m.waiting), live(m, &m.event.waiting.queueOf), "tasks that wait for the event")
	for _, c := range m.chans {
		require.Equal(m, len(c.buffer), c.Len(), "values in the buffer")
		require.Equal(m, len(c.senders), live(m, &c.Chan.senders.queueOf), "senders that wait")
		require.Equal(m, len(c.receivers), live(m, &c.Chan.receivers.queueOf), "receivers that wait")
	}
}
