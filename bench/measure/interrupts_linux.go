package measure

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"strings"
	"sync"
)

// interruptsInPrograms reports whether the kernel books the time of interrupts on
// the programs that they interrupt: their CPU clocks have it, and a processor's
// times of programs and of interrupts have to be added up to compare.
//
// Quirk(linux): CONFIG_IRQ_TIME_ACCOUNTING keeps them apart. It is read from the
// kernel's configuration; where that is not to be had, they are taken to be apart.
var interruptsInPrograms = sync.OnceValue(func() bool {
	for _, open := range []func() (io.ReadCloser, error){openRunningConfig, openBootConfig} {
		file, err := open()
		if err != nil {
			continue
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "CONFIG_IRQ_TIME_ACCOUNTING="):
				return false
			case strings.HasPrefix(line, "# CONFIG_IRQ_TIME_ACCOUNTING is not set"):
				return true
			}
		}
	}
	return false
})

// openRunningConfig opens the configuration that some kernels carry with them.
func openRunningConfig() (io.ReadCloser, error) {
	file, err := os.Open("/proc/config.gz")
	if err != nil {
		return nil, err
	}
	text, err := gzip.NewReader(file)
	if err != nil {
		file.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{text, file}, nil
}

// openBootConfig opens the one that distributions put beside the kernel.
func openBootConfig() (io.ReadCloser, error) {
	return os.Open("/boot/config-" + setting("/proc/sys/kernel/osrelease"))
}
