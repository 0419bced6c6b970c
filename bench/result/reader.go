package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

var (
	// ErrDamaged: a line is not what a Writer writes.
	ErrDamaged = errors.New("damaged result file")
	// ErrSchema: the file is of another version of the form, a newer one or the
	// one before lines.
	ErrSchema = errors.New("result file of another schema")
)

// Read reads a file. A last line that was cut short, as by a killed run, is left
// out; File.End is nil then. Errors: ErrDamaged and ErrSchema with the place, and
// those of the file system.
func Read(path string) (File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return File{}, err
	}
	f, err := Parse(data)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Begins reports whether a file begins as a result file does, of whatever schema: what
// it holds is not to be lost, also if it is damaged further on.
func Begins(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	tokens := json.NewDecoder(file)
	for _, want := range []json.Token{json.Delim('{'), "kind", kindRun} {
		if token, err := tokens.Token(); err != nil || token != want {
			return false
		}
	}
	return true
}

// Parse is Read of what a file holds.
func Parse(data []byte) (File, error) {
	var f File
	for number := 1; len(data) > 0; number++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole && number > 1 {
			break
		}
		data = rest
		if err := f.add(number, line); err != nil {
			return File{}, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if f.Run.Schema == 0 {
		return File{}, fmt.Errorf("%w: it is empty", ErrDamaged)
	}
	return f, nil
}

// add takes a line in.
func (f *File) add(number int, line []byte) error {
	var head struct {
		Kind   string `json:"kind"`
		Schema int    `json:"schema"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		if number == 1 && bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) && !bytes.Contains(line, []byte(`"kind"`)) {
			return fmt.Errorf("%w: no line of the kind %q; this program reads version %d", ErrSchema, kindRun, Schema)
		}
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if first := head.Kind == kindRun; first != (number == 1) {
		return fmt.Errorf("%w: a line of the kind %q", ErrDamaged, head.Kind)
	}
	if f.End != nil {
		return fmt.Errorf("%w: it goes on behind its end", ErrDamaged)
	}
	var err error
	switch head.Kind {
	case kindRun:
		if head.Schema != Schema {
			return fmt.Errorf("%w: version %d; this program reads version %d", ErrSchema, head.Schema, Schema)
		}
		err = json.Unmarshal(line, &f.Run)
	case kindSample:
		var s Sample
		err = json.Unmarshal(line, &s)
		f.Samples = append(f.Samples, s)
	case kindModel:
		var m Model
		err = json.Unmarshal(line, &m)
		f.Models = append(f.Models, m)
	case kindEnd:
		f.End = new(End)
		err = json.Unmarshal(line, f.End)
	default:
		return fmt.Errorf("%w: a line of the kind %q", ErrDamaged, head.Kind)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}
