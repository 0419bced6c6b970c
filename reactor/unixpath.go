package reactor

import (
	"os"

	"github.com/weft-go/weft/poller"
)

// PathGuard removes a Unix socket's path when its listener closes, unless
// somebody else has taken the path over meanwhile.
type PathGuard struct {
	path string
	file os.FileInfo // as it was bound; nil where there is nothing to remove
}

// GuardPath is called with the address a listener is bound to. For TCP and for
// abstract sockets the guard has nothing to do.
func GuardPath(a poller.Addr) PathGuard {
	if !a.IsUnix() || a.Path == "" || a.Path[0] == '@' {
		return PathGuard{}
	}
	file, err := os.Lstat(a.Path)
	if err != nil {
		return PathGuard{}
	}
	return PathGuard{a.Path, file}
}

// Remove removes the path, if it is still the same file.
func (g PathGuard) Remove() {
	if g.file == nil {
		return
	}
	if now, err := os.Lstat(g.path); err == nil && os.SameFile(now, g.file) {
		_ = os.Remove(g.path)
	}
}
