package backend

import (
	"strings"
	"sync"
)

// lastWordsLimit bounds what is kept of a program's messages.
//
// Bound: a few lines; the first one says what is wrong.
const lastWordsLimit = 4 << 10

// lastWords keeps the beginning of what a program writes to its standard error.
type lastWords struct {
	mu   sync.Mutex
	kept []byte
}

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, p[:min(len(p), lastWordsLimit-len(w.kept))]...)
	return len(p), nil
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(strings.Fields(string(w.kept)), " ")
}
