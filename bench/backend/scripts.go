package backend

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"os/exec"
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
	return serveScript(ctx, c, node, nodeScript)
}

func serveAsyncio(ctx context.Context, c Config) error {
	python := pythonWith("asyncio")
	if python == "" {
		return errAbsent
	}
	return serveScript(ctx, c, python, asyncioScript)
}

func serveGevent(ctx context.Context, c Config) error {
	python := pythonWith("gevent")
	if python == "" {
		return errAbsent
	}
	return serveScript(ctx, c, python, geventScript)
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
