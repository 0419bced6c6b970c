package result

import (
	"encoding/json"
	"fmt"
	"os"
)

// Writer writes a file line by line. Each line is on the disk, or at least with the
// system, before the method returns. Its methods belong to one goroutine.
type Writer struct {
	path  string
	file  *os.File
	whole int64 // bytes of whole lines
}

// kinds of lines.
const (
	kindRun    = "run"
	kindSample = "sample"
	kindModel  = "model"
	kindEnd    = "end"
)

// Create begins a file with its head. It does not replace a file: results that
// were there are kept, and the error is fs.ErrExist (use errors.Is).
func Create(path string, run Run) (*Writer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, file: file}
	if err := w.head(run); err != nil {
		file.Close()
		os.Remove(path) // ours, and nothing in it
		return nil, err
	}
	return w, nil
}

// head writes the first line.
func (w *Writer) head(run Run) error {
	run.Schema = Schema
	return w.line(kindRun, run)
}

// Sample writes a sample.
func (w *Writer) Sample(s Sample) error { return w.line(kindSample, s) }

// unfinished is behind the name of a file that is to replace another one.
const unfinished = ".part"

// Replace makes f what the file holds, but for its end: figures about models are
// medians, which change with each value that is measured. Whoever reads the file, and
// a run that is killed meanwhile, has what was there before or f, and nothing between.
// After an error, as of a full disk, it is what was there before.
func (w *Writer) Replace(f File) error {
	path := w.path + unfinished
	file, err := os.Create(path) // one may be left of a run that was killed
	if err != nil {
		return err
	}
	next := &Writer{path: w.path, file: file}
	if err = next.fill(f); err == nil {
		err = os.Rename(path, w.path)
	}
	if err != nil {
		file.Close()
		os.Remove(path)
		return err
	}
	w.file.Close() // nothing has its name any more
	*w = *next
	return nil
}

// fill writes all of f but its end.
func (w *Writer) fill(f File) error {
	if err := w.head(f.Run); err != nil {
		return err
	}
	for _, s := range f.Samples {
		if err := w.Sample(s); err != nil {
			return err
		}
	}
	for _, m := range f.Models {
		if err := w.line(kindModel, m); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the file with end and closes it.
func (w *Writer) Close(end End) error {
	if err := w.line(kindEnd, end); err != nil {
		w.file.Close()
		return err
	}
	return w.file.Close()
}

// line writes one line, or none of it: a full disk leaves what was there before.
func (w *Writer) line(kind string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("result: %s: %w", kind, err)
	}
	line := fmt.Appendf(nil, `{"kind":%q,%s`+"\n", kind, body[1:]) // every value is an object with keys
	n, err := w.file.Write(line)
	if err != nil {
		if n > 0 {
			// Best effort: a reader leaves out a last line that is not whole.
			_ = w.file.Truncate(w.whole)
			_, _ = w.file.Seek(w.whole, 0)
		}
		return err
	}
	w.whole += int64(n)
	return nil
}
