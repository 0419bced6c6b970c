package prefork

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A process learns what it is from its environment, since it is started as the
// same program with the same arguments:
//
//	WEFT_PREFORK    {"role":"worker", ...}     this file
//	descriptor 0-2  standard input, output, error
//	descriptor 3    the link to the one who started it
//	descriptor 4-   the listeners, in the order of "listeners"
//
// The variable is removed at once: a program that the worker starts is no worker.

const (
	variable = "WEFT_PREFORK"

	linkFD      = 3
	firstSocket = 4
)

// role is what a process is to be.
type role uint8

const (
	roleOrigin    role = iota // started by a person or by systemd: the first master
	roleSuccessor             // started by a master, to take over from it
	roleWorker
)

func (r role) String() string { return [...]string{"origin", "successor", "worker"}[r] }

// inherited is what a process is given by the one who started it.
type inherited struct {
	Role       string
	Slot       int `json:",omitempty"`
	Generation int `json:",omitempty"`
	MaxMessage int
	Listeners  []Address // those whose sockets come along

	role role
}

// errInherited: the environment says what no process of this package writes.
var errInherited = errors.New("prefork: the environment variable " + variable + " is not as this program wrote it")

// readInherited reads and removes the variable.
func readInherited() (inherited, error) {
	text, ok := os.LookupEnv(variable)
	if !ok {
		return inherited{}, nil
	}
	_ = os.Unsetenv(variable)
	var in inherited
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return in, fmt.Errorf("%w: %w", errInherited, err)
	}
	switch in.Role {
	case roleWorker.String():
		in.role = roleWorker
	case roleSuccessor.String():
		in.role = roleSuccessor
	default:
		return in, fmt.Errorf("%w: role %q", errInherited, in.Role)
	}
	if err := adoptInherited(linkFD); err != nil {
		return in, fmt.Errorf("%w: descriptor %d: %w", errInherited, linkFD, err)
	}
	for i := range in.Listeners {
		fd := firstSocket + i
		if err := checkListener(fd); err != nil {
			return in, err
		}
		if err := adoptInherited(fd); err != nil {
			return in, err
		}
		in.Listeners[i].fd = fd
	}
	return in, nil
}

// InWorker reports whether this process was started as a worker, before Run was
// called: a program that prints something when it starts will not want to do so in
// every worker.
func InWorker() bool {
	return strings.Contains(os.Getenv(variable), `"`+roleWorker.String()+`"`)
}

// environment is what a child gets: ours without what is ours alone, and what it
// is.
func environment(in inherited) ([]string, error) {
	in.Role = in.role.String()
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case variable, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID":
			continue // they name descriptors and a process that the child is not
		case "NOTIFY_SOCKET", "WATCHDOG_USEC":
			if in.role == roleWorker {
				continue // the master speaks for all
			}
		}
		env = append(env, kv)
	}
	return append(env, variable+"="+string(text)), nil
}

// systemdSockets are the sockets that systemd has opened for this process: see
// sd_listen_fds(3). The variables are removed.
func systemdSockets() ([]Address, error) {
	defer func() {
		for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
			_ = os.Unsetenv(name)
		}
	}()
	if pid, err := strconv.Atoi(os.Getenv("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil, nil // meant for another process, or for none
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > maxListeners {
		return nil, fmt.Errorf("prefork: LISTEN_FDS is %q: want a number up to %d", os.Getenv("LISTEN_FDS"), maxListeners)
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	var sockets []Address
	for i := range n {
		a := Address{fd: 3 + i}
		if i < len(names) {
			a.Name = names[i]
		}
		if err := checkListener(a.fd); err != nil {
			return nil, fmt.Errorf("prefork: socket %d of systemd: %w", i, err)
		}
		if err := adoptInherited(a.fd); err != nil {
			return nil, err
		}
		sockets = append(sockets, a)
	}
	return sockets, nil
}
