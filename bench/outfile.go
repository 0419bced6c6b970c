package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/weft-go/weft/bench/result"
)

// outFile is a file that is either written as a whole or left as it was. What is
// not a regular file, as a terminal or a pipe, is written directly.
type outFile struct {
	path string
	temp *os.File
}

// createOutFile shows early whether the file can be written: a result file cannot. It
// has to be closed.
func createOutFile(path string) (*outFile, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &outFile{temp: f}, err
	}
	if err == nil && result.Begins(path) {
		return nil, fmt.Errorf("%s is a result file, and results are not replaced", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	return &outFile{path: path, temp: f}, err
}

// fill lets write write it, and puts the file in its place.
func (f *outFile) fill(write func(io.Writer) error) error {
	err := write(f.temp)
	if err == nil && f.path != "" {
		err = f.temp.Chmod(0o644)
	}
	if closed := f.temp.Close(); err == nil {
		err = closed
	}
	if err == nil && f.path != "" {
		err = os.Rename(f.temp.Name(), f.path)
	}
	return err
}

// close removes what was not written.
func (f *outFile) close() error {
	err := f.temp.Close()
	if f.path != "" {
		_ = os.Remove(f.temp.Name()) // gone, if it was written
	}
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
