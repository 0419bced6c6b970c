package measure

import (
	"os"
	"strings"

	"github.com/prometheus/procfs"
)

func (h *Host) readSystem() {
	h.Kernel = setting("/proc/sys/kernel/osrelease")
	h.Congestion = setting("/proc/sys/net/ipv4/tcp_congestion_control")
	// The choice in force is the one in brackets: always [madvise] never.
	_, chosen, _ := strings.Cut(setting("/sys/kernel/mm/transparent_hugepage/enabled"), "[")
	h.HugePages, _, _ = strings.Cut(chosen, "]")
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if cpus, err := fs.CPUInfo(); err == nil && len(cpus) > 0 {
			h.CPU = cpus[0].ModelName
		}
	}
}

func setting(path string) string {
	value, _ := os.ReadFile(path)
	return strings.TrimSpace(string(value))
}
