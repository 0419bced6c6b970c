//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// OpenNative opens the system's own backend, under the build tag weftpoll too.
func OpenNative(c Config) (OS, error) {
	if c.EventsPerWait <= 0 {
		c.EventsPerWait = defaultEventsPerWait
	}
	return newNative(c)
}
