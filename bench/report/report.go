package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/pin"
)

// Schema is the version of the JSON file's form. It grows when a key changes
// its meaning or goes; new keys do not change it.
const Schema = 1

// Report is everything that one comparison found, and under which conditions.
type Report struct {
	Schema     int          `json:"schema"`
	Started    time.Time    `json:"started"`
	Argv       []string     `json:"argv"`
	Host       measure.Host `json:"host"`
	GOMAXPROCS int          `json:"generator_gomaxprocs"`
	Plan       pin.Plan     `json:"layout"`
	Settings   Settings     `json:"settings"`
	// Order is the order in which the samples were taken.
	Order   []Step   `json:"order"`
	Samples []Sample `json:"samples"`
	Rows    []Row    `json:"rows"`
}

// Settings are what the command line chose.
type Settings struct {
	Backends  []string      `json:"backends"`
	Conns     []int         `json:"connections"`
	Depth     int           `json:"depth"`
	Size      int           `json:"size_bytes"`
	Rounds    int           `json:"rounds"`
	Duration  time.Duration `json:"duration_ns"`
	Warmup    time.Duration `json:"warmup_ns"`
	Loops     int           `json:"loops"`
	Seed      uint64        `json:"seed"`
	Reference string        `json:"reference"`
}

// Step is one sample to take.
type Step struct {
	Round   int    `json:"round"`
	Conns   int    `json:"connections"`
	Backend string `json:"backend"`
}

// File is a JSON file that is either written as a whole or not there. Create
// shows early whether it can be.
type File struct {
	path string
	temp *os.File
}

// Create prepares a file. It has to be closed.
func Create(path string) (*File, error) {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return nil, err
	}
	return &File{path, temp}, nil
}

// Write writes the report and gives the file its name.
func (f *File) Write(r *Report) error {
	to := json.NewEncoder(f.temp)
	to.SetIndent("", "  ")
	if err := to.Encode(r); err != nil {
		return err
	}
	if err := f.temp.Chmod(0o644); err != nil {
		return err
	}
	if err := f.temp.Close(); err != nil {
		return err
	}
	return os.Rename(f.temp.Name(), f.path)
}

// Close removes what was not written as a whole.
func (f *File) Close() {
	f.temp.Close()
	os.Remove(f.temp.Name())
}
