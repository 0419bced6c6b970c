package reactor

import (
	"os"

	"github.com/weft-go/weft/poller"
)

// pathGuard removes a Unix socket's path when its listener closes, unless
// somebody else has taken the path over meanwhile.
type pathGuard struct {
	path string
	file os.FileInfo // as it was bound; nil where there is nothing to remove
}

func guardPath(a poller.Addr) pathGuard {
	if !a.IsUnix() || a.Path == "" || a.Path[0] == '@' {
		return pathGuard{}
	}
	file, err := os.Lstat(a.Path)
	if err != nil {
		return pathGuard{}
	}
	return pathGuard{a.Path, file}
}

func (g pathGuard) remove() {
	if g.file == nil {
		return
	}
	if now, err := os.Lstat(g.path); err == nil && os.SameFile(now, g.file) {
		_ = os.Remove(g.path)
	}
}
