package prefork

import (
	"os"
	"strconv"
	"strings"
)

// writePIDFile replaces the file as a whole: a reader sees the old number or the
// new one.
func (m *master) writePIDFile() {
	if m.PIDFile == "" {
		return
	}
	temporary := m.PIDFile + "." + strconv.Itoa(m.pid)
	err := os.WriteFile(temporary, []byte(strconv.Itoa(m.pid)+"\n"), 0o644)
	if err == nil {
		err = os.Rename(temporary, m.PIDFile)
	}
	if err != nil {
		m.Logger.Error("prefork: the PID file cannot be written", "error", err)
	}
}

// removePIDFile removes it if it is still ours: after an upgrade it is not.
func (m *master) removePIDFile() {
	if m.PIDFile == "" {
		return
	}
	if text, err := os.ReadFile(m.PIDFile); err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(m.pid) {
		_ = os.Remove(m.PIDFile)
	}
}
