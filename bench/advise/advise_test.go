package advise

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft/bench/models"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const mega = 1 << 20

// figures are about those of a machine with two processors and 20 GB.
func figures() models.Table {
	var t models.Table
	for _, m := range []struct {
		model              string
		user, kernel, wake float64
	}{
		{models.Process, 1.5 * mega, 230_000, 4.9}, {models.Thread, 20_000, 23_000, 4.8},
		{models.Goroutine, 2_700, 0, 2.2}, {models.Task, 3_000, 0, 1.5}, {models.Callback, 64, 0, 1.2},
	} {
		t = append(t,
			result.Model{Model: m.model, Quantity: models.MemoryUser, Value: m.user},
			result.Model{Model: m.model, Quantity: models.MemoryKernel, Value: m.kernel},
			result.Model{Model: m.model, Quantity: models.SwitchIO, Value: m.wake},
			result.Model{Model: m.model, Quantity: models.MemoryThreads, Value: 4})
	}
	limits := models.Limits{Available: 20_000 * mega, PIDs: 32_000, GoThreads: 10_000, Descriptors: 20_000}
	for _, model := range models.All {
		t = append(t, t.Fit(model, limits)...)
	}
	return t
}

func TestAdviceFollowsTheRules(t *testing.T) {
	for _, c := range []struct {
		name string
		q    Question
		want string
	}{
		{"a usual server is goroutines", Question{1_000, 0.1, 100 * time.Microsecond, None, 1_000 * mega, 2}, models.Goroutine},
		{"little memory and idle connections are tasks, or callbacks", Question{15_000, 0.01, 100 * time.Microsecond, None, 30 * mega, 2}, models.Task},
		{"tiny requests, all active, are loops", Question{5_000, 1, time.Microsecond, None, 16 * mega, 2}, models.Callback},
		{"computing is never on a loop", Question{15_000, 1, 20 * time.Millisecond, None, 1_000 * mega, 2}, models.Goroutine},
		{"a crash must not take all", Question{5_000, 0.1, 100 * time.Microsecond, Crash, 1_000 * mega, 2}, models.Prefork},
		{"more connections than a process has descriptors", Question{100_000, 0.1, 100 * time.Microsecond, None, 1_000 * mega, 2}, models.Prefork},
		{"strangers must not see each other", Question{200, 0.1, time.Millisecond, Security, 1_000 * mega, 2}, models.Process},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := Ask(c.q, figures())
			require.NoError(t, err)
			require.Equal(t, c.want, a.Chosen.Model, "%+v", a)
			require.NotEmpty(t, a.Reason)
			said := map[string]bool{a.Chosen.Model: true}
			if a.RunnerUp != nil {
				require.NotEmpty(t, a.Against)
				said[a.RunnerUp.Model] = true
			}
			for _, v := range a.Others {
				said[v.Model] = true
			}
			require.Len(t, said, len(candidates), "every model once")
		})
	}
}

// 15 000 sockets alone are 60 MB.
func TestAdviceCountsTheSockets(t *testing.T) {
	q := Question{15_000, 0.01, 100 * time.Microsecond, None, 64 * mega, 2}
	table := append(figures(), result.Model{Model: models.Connection, Quantity: models.MemoryKernel, Value: 4096})
	a, err := Ask(q, table)
	require.NoError(t, err)
	require.Equal(t, models.Task, a.Chosen.Model)
	require.EqualValues(t, 15_000*4096, a.Sockets)
	require.Greater(t, a.Chosen.Memory, a.Sockets)
	q.Memory = 50 * mega
	_, err = Ask(q, table)
	require.ErrorIs(t, err, ErrNone)
}

func TestAdviceAboutPreforkSaysWhatIsInItsWorkers(t *testing.T) {
	for cpu, want := range map[time.Duration]string{100 * time.Microsecond: "workers of one loop each", 5 * time.Millisecond: "workers with a goroutine per connection"} {
		a, err := Ask(Question{500, 0.1, cpu, Crash, 1_000 * mega, 2}, figures())
		require.NoError(t, err)
		require.Equal(t, models.Prefork, a.Chosen.Model)
		require.Contains(t, a.Chosen.About, want)
	}
}

func TestAdviceSaysWhyNothingFits(t *testing.T) {
	a, err := Ask(Question{100_000, 0.1, time.Millisecond, Security, 1_000 * mega, 2}, figures())
	require.ErrorIs(t, err, ErrNone)
	require.Len(t, a.Others, len(candidates))
	for _, v := range a.Others {
		require.NotEmpty(t, v.Broken, v.Model)
	}
}

func TestAdviceWithoutFiguresIsNone(t *testing.T) {
	_, err := Ask(Question{10, 0.1, time.Millisecond, None, mega, 2}, nil)
	require.ErrorIs(t, err, ErrNone)
}

func TestAdviceKeepsItsPromises(t *testing.T) {
	table := figures()
	rapid.Check(t, func(t *rapid.T) {
		q := Question{
			Connections:   rapid.IntRange(1, 200_000).Draw(t, "connections"),
			Active:        rapid.Float64Range(0, 1).Draw(t, "active"),
			CPUPerRequest: time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "cpu")),
			Memory:        rapid.Int64Range(mega, 100_000*mega).Draw(t, "memory"),
			Workers:       rapid.IntRange(1, 64).Draw(t, "workers"),
		}
		offered := None
		for _, wanted := range []Isolation{None, Crash, Security} {
			q.Isolation = wanted
			a, err := Ask(q, table)
			if err != nil {
				require.ErrorIs(t, err, ErrNone)
				continue
			}
			require.GreaterOrEqual(t, a.Chosen.Isolation, wanted)
			require.GreaterOrEqual(t, a.Chosen.Isolation, offered, "more isolation gives a model with less")
			offered = a.Chosen.Isolation
			require.LessOrEqual(t, a.Chosen.Memory, float64(q.Memory))
		}
	})
}
