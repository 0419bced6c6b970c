package child

import (
	"bytes"
	"strings"
	"sync"
)

// diagnosisLimit is how much of what a dying child writes is kept, bytes. The
// first line tells what happened; a Go trace follows it.
const diagnosisLimit = 4 << 10

// diagnosis keeps the beginning of what a process writes to its standard error.
type diagnosis struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

func (d *diagnosis) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept.Write(p[:min(len(p), diagnosisLimit-d.kept.Len())])
	return len(p), nil
}

func (d *diagnosis) firstLine() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	line, _, _ := strings.Cut(strings.TrimSpace(d.kept.String()), "\n")
	return strings.TrimPrefix(line, "bench: ")
}
