package child

import (
	"bytes"
	"strings"
	"sync"
)

// diagnosisLimit is how much of what a dying child writes is kept, bytes. The
// first line tells what happened; a Go trace follows it.
const diagnosisLimit = 4 << 10

// Diagnosis keeps the beginning of what a process writes to its standard error. The
// zero value works, from any goroutine.
type Diagnosis struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

func (d *Diagnosis) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept.Write(p[:min(len(p), diagnosisLimit-d.kept.Len())])
	return len(p), nil
}

// String is all that was kept, in one line.
func (d *Diagnosis) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(strings.Fields(d.kept.String()), " ")
}

func (d *Diagnosis) firstLine() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	line, _, _ := strings.Cut(strings.TrimSpace(d.kept.String()), "\n")
	return strings.TrimPrefix(line, "bench: ")
}
