package reactor

import (
	"os"

	"github.com/weft-go/weft/poller"
)

// PathGuard removes a Unix socket's path when its listener closes, unless
// somebody else has taken the path over meanwhile.
type PathGuard struct {
	path      string
	file      os.FileInfo      // as it was bound; nil where there is nothing to remove
	simulated poller.Simulated // whose path it is, or nil
}

// GuardPath is called with a listener's system, nil for the machine's, and the
// address it is bound to.
// For TCP and for abstract sockets the guard has nothing to do.
func GuardPath(system poller.OS, a poller.Addr) PathGuard {
	if !a.IsUnix() || a.Path == "" || a.Path[0] == '@' {
		return PathGuard{}
	}
	if s, ok := system.(poller.Simulated); ok {
		return PathGuard{path: a.Path, simulated: s}
	}
	file, err := os.Lstat(a.Path)
	if err != nil {
		return PathGuard{}
	}
	return PathGuard{path: a.Path, file: file}
}

// Remove removes the path, if it is still the same file.
func (g PathGuard) Remove() {
	if g.simulated != nil {
		_ = g.simulated.Unlink(g.path)
		return
	}
	if g.file == nil {
		return
	}
	if now, err := os.Lstat(g.path); err == nil && os.SameFile(now, g.file) {
		_ = os.Remove(g.path)
	}
}
