package result

import (
	"encoding/json"
	"fmt"
	"os"
)

// Writer writes a file line by line. Each line is on the disk, or at least with the
// system, before Write returns. Its methods belong to one goroutine.
type Writer struct {
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
	w := &Writer{file: file}
	run.Schema = Schema
	if err := w.line(kindRun, run); err != nil {
		file.Close()
		os.Remove(path) // ours, and nothing in it
		return nil, err
	}
	return w, nil
}

// Sample writes a sample.
func (w *Writer) Sample(s Sample) error { return w.line(kindSample, s) }

// Model writes a figure about a model.
func (w *Writer) Model(m Model) error { return w.line(kindModel, m) }

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
