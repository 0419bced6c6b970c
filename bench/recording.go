package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/lab"
	"github.com/weft-go/weft/bench/page"
	"github.com/weft-go/weft/bench/result"
)

// resultFolder is where results go that are not given a place: out of the way of
// the program's sources, in which it is often run.
const resultFolder = ".bench"

// resultPath chooses the file, and refuses one that cannot be made: before
// anything is measured.
func resultPath(given string, now time.Time) (string, error) {
	path := given
	if path != "" && pageOf(path) == path {
		return "", refuse("--json: %s is where the page goes: results need another ending, as .jsonl", path)
	}
	if path == "" {
		if err := os.MkdirAll(resultFolder, 0o755); err != nil {
			return "", refuse("no place for the results, see --json: %w", err)
		}
		path = filepath.Join(resultFolder, now.Format("2006-01-02T150405")+".jsonl")
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return "", refuse("--json: %s exists, and results are not replaced", path)
	case err != nil:
		return "", refuse("--json: %w", err)
	}
	file.Close()
	return path, os.Remove(path)
}

// recording is a run on its way to the disk, and in memory for the tables.
type recording struct {
	path   string
	writer *result.Writer
	file   result.File
	broken error // of the writer
}

func newRecording(path string, run result.Run) (*recording, error) {
	w, err := result.Create(path, run)
	if err != nil {
		return nil, err
	}
	return &recording{path: path, writer: w, file: result.File{Run: run}}, nil
}

// keep writes a sample.
func (r *recording) keep(s result.Sample) error {
	if err := r.writer.Sample(s); err != nil {
		r.broken = err
		return err
	}
	r.file.Samples = append(r.file.Samples, s)
	return nil
}

// close ends the file, whatever ended the run, which is err, and says how that is
// to be told.
func (r *recording) close(how lab.Report, err error) error {
	end := result.End{Finished: time.Now(), Interrupted: err != nil, Cut: how.Cut}
	r.file.End = &end
	closed := r.writer.Close(end)
	kept := fmt.Sprintf("%d of %d samples are in %s", len(r.file.Samples), len(r.file.Run.Order), r.path)
	switch {
	case r.broken != nil:
		return refuse("%w; %s", r.broken, kept)
	case errors.Is(err, context.Canceled):
		return interruptedError(kept)
	case err != nil:
		return fmt.Errorf("%w; %s", err, kept)
	case closed != nil:
		return refuse("%w; %s", closed, kept)
	}
	return nil
}

// interruptedError says what is left of a run that was interrupted.
type interruptedError string

func (e interruptedError) Error() string { return "interrupted; " + string(e) }

// Is makes it a cancellation.
func (e interruptedError) Is(target error) bool { return target == context.Canceled }

// pageOf is where the page of a result file goes, if nothing else is said.
func pageOf(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".html" }

// writePage makes the report of a run, beside its results, and returns its name.
func (r *recording) writePage() (string, error) {
	path := pageOf(r.path)
	return path, replaceFile(path, func(w io.Writer) error {
		return page.Write(w, page.Source{Name: filepath.Base(r.path), File: r.file})
	})
}
