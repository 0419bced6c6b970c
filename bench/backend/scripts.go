package backend

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"os/exec"
	"strings"
)

var (
	//go:embed scripts/echo.js
	nodeScript string
	//go:embed scripts/echo_asyncio.py
	asyncioScript string
	//go:embed scripts/echo_gevent.py
	geventScript string
)

var errAbsent = errors.New("it is not installed")

func serveNode(ctx context.Context, c Config) error {
	node, err := exec.LookPath("node")
	if err != nil {
		return err
	}
	return serveScript(ctx, c, node, "-e", nodeScript)
}

func serveAsyncio(ctx context.Context, c Config) error {
	python := pythonWith("asyncio")
	if python == "" {
		return errAbsent
	}
	return serveScript(ctx, c, python, "-c", asyncioScript)
}

func serveGevent(ctx context.Context, c Config) error {
	python := pythonWith("gevent")
	if python == "" {
		return errAbsent
	}
	return serveScript(ctx, c, python, "-c", geventScript)
}

// pythonWith finds an interpreter that has a module; "" if there is none. A
// system's own one is tried too: its packages are not those of another one in the
// path.
func pythonWith(module string) string {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err == nil && exec.Command(path, "-c", "import "+module).Run() == nil {
			return path
		}
	}
	return ""
}

// versionOf makes Backend.Version: the first line that a program says.
func versionOf(arguments string, names ...string) func() string {
	return func() string {
		for _, name := range names {
			if path, err := exec.LookPath(name); err == nil {
				return firstLine(exec.Command(path, strings.Fields(arguments)...))
			}
		}
		return ""
	}
}

func firstLine(cmd *exec.Cmd) string {
	out, err := cmd.CombinedOutput() // nginx writes it as an error
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(line)
}

// versionOfPython has the module's where that has one of its own.
func versionOfPython(module string) func() string {
	script := "import platform, " + module + " as m; print('Python', platform.python_version(), m.__name__, getattr(m, '__version__', ''))"
	return func() string { return firstLine(exec.Command(pythonWith(module), "-c", script)) }
}

// absentProgram and absentPython make Backend.Absent.
func absentProgram(hint string, names ...string) func() string {
	return func() string {
		for _, name := range names {
			if _, err := exec.LookPath(name); err == nil {
				return ""
			}
		}
		return hint
	}
}

func absentPython(hint, module string) func() string {
	return func() string {
		if pythonWith(module) == "" {
			return hint
		}
		return ""
	}
}
