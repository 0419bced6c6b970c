package result

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	someRun    = Run{Schema: Schema, Profile: "quick", Seed: 7, Rounds: 2, Reference: "floor", Backends: []Backend{{Name: "floor"}}}
	somePoint  = Point{Scenario: "echo", Axes: map[string]float64{"connections": 100, "size_bytes": 64}}
	someSample = Sample{Step: Step{Round: 1, Point: somePoint, Backend: "floor"}, Seconds: 0.5, Figures: map[string]float64{Rate: 90537}}
	someModel  = Model{Model: "thread", Quantity: "create", Value: 42, Unit: "us", Low: 40, High: 45, Samples: 3, Values: []float64{45, 40, 42}}
)

func write(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "results.jsonl")
	w, err := Create(path, someRun)
	require.NoError(t, err)
	require.NoError(t, w.Sample(someSample))
	require.NoError(t, w.Replace(File{Run: someRun, Samples: []Sample{someSample}, Models: []Model{someModel}}))
	require.NoError(t, w.Close(End{Finished: time.Unix(9, 0).UTC(), Interrupted: true}))
	return path
}

func TestFileReadsBackWhatWasWritten(t *testing.T) {
	f, err := Read(write(t))
	require.NoError(t, err)
	require.Equal(t, File{
		Run: someRun, Samples: []Sample{someSample}, Models: []Model{someModel},
		End: &End{Finished: time.Unix(9, 0).UTC(), Interrupted: true},
	}, f)
	require.Equal(t, "echo connections=100 size_bytes=64", f.Samples[0].Point.Key())
	require.True(t, Begins(write(t)))
	require.False(t, Begins(t.TempDir()), "a folder")
	require.False(t, Begins("result_test.go"))
}

func TestWriterReplacesNoFile(t *testing.T) {
	path := write(t)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = Create(path, someRun)
	require.ErrorIs(t, err, fs.ErrExist)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestWriterReplacesTheWholeFileOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	w, err := Create(path, someRun)
	require.NoError(t, err)
	read := func() File {
		f, err := Read(path)
		require.NoError(t, err)
		return f
	}
	first, later := File{Run: someRun, Models: []Model{someModel}}, File{Run: someRun, Models: []Model{someModel, someModel}}
	later.Run.Omitted = []string{"something failed"}
	// As a run that was killed leaves it.
	require.NoError(t, os.WriteFile(path+unfinished, []byte("half of a li"), 0o644))
	require.NoError(t, w.Replace(first))
	require.Equal(t, first, read())
	require.NoFileExists(t, path+unfinished)

	nan := File{Run: someRun, Models: []Model{{Value: math.NaN()}}} // JSON has no such number
	require.Error(t, w.Replace(nan))
	require.Equal(t, first, read())
	require.NoFileExists(t, path+unfinished)

	require.NoError(t, w.Replace(later))
	require.NoError(t, w.Close(End{Foreign: 0.25}))
	later.End = &End{Foreign: 0.25}
	require.Equal(t, later, read())
}

func TestFileOfAKilledRunKeepsItsWholeLines(t *testing.T) {
	data, err := os.ReadFile(write(t))
	require.NoError(t, err)
	lines := bytes.SplitAfter(data, []byte("\n"))
	cut := bytes.Join([][]byte{lines[0], lines[1], lines[2][:len(lines[2])/2]}, nil)
	f, err := Parse(cut)
	require.NoError(t, err)
	require.Equal(t, []Sample{someSample}, f.Samples)
	require.Empty(t, f.Models)
	require.Nil(t, f.End)
}

func TestFileThatIsNoneIsRefused(t *testing.T) {
	data, err := os.ReadFile(write(t))
	require.NoError(t, err)
	lines := bytes.SplitAfter(data, []byte("\n"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"an empty file", nil, ErrDamaged, "empty"},
		{"something else", []byte("hello\n"), ErrDamaged, "line 1"},
		{"no head", lines[1], ErrDamaged, `line 1: damaged result file: a line of the kind "sample"`},
		{"a second head", join(lines[0], lines[0]), ErrDamaged, "line 2"},
		{"a line in the middle that is cut", join(lines[0], lines[1][:20], []byte("\n"), lines[2]), ErrDamaged, "line 2"},
		{"a sample of the wrong shape", join(lines[0], []byte(`{"kind":"sample","round":"one"}`+"\n")), ErrDamaged, "line 2"},
		{"a line behind the end", join(data, lines[1]), ErrDamaged, "line 5"},
		{"an unknown kind", join(lines[0], []byte(`{"kind":"poem"}`+"\n")), ErrDamaged, "poem"},
		{"a newer schema", []byte(`{"kind":"run","schema":99}` + "\n"), ErrSchema, "version 99"},
		{"the schema before lines", []byte("{\n  \"schema\": 1\n}\n"), ErrSchema, "line 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.data)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.text)
		})
	}
}

func TestWriterOnAFullDiskLeavesWhatWasThere(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full on this system")
	}
	w := &Writer{file: full}
	require.Error(t, w.Sample(someSample))
	require.Error(t, w.Close(End{}))
	_, err = Create("/dev/full", someRun)
	require.ErrorIs(t, err, fs.ErrExist)
}

func TestMetricsAreNamedOnce(t *testing.T) {
	names := map[string]bool{}
	for _, m := range Metrics {
		require.False(t, names[m.Name], "%s is there twice", m.Name)
		names[m.Name] = true
		found, ok := FindMetric(m.Name)
		require.True(t, ok)
		require.Equal(t, m, found)
		require.NotEmpty(t, m.Title)
		require.NotEmpty(t, m.Long)
		require.NotEmpty(t, m.Unit)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"kind":"run","schema":2}` + "\n" + `{"kind":"sample","round":1}` + "\n" + `{"kind":"end"}` + "\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err == nil {
			require.Equal(t, Schema, file.Run.Schema)
			return
		}
		require.True(t, errors.Is(err, ErrDamaged) || errors.Is(err, ErrSchema), "%v", err)
	})
}
