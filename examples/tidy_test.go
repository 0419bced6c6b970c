package examples

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/weft-go/weft"

// pkg is what `go list` tells of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Name       string
	Standard   bool
	GoFiles    []string
	Imports    []string

	TestGoFiles, XTestGoFiles []string
}

func goList(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Name,Standard,GoFiles,Imports,TestGoFiles,XTestGoFiles"}, args...)...)
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go list %v: %s", args, &stderr)
	var packages []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else {
			require.NoError(t, err)
		}
		packages = append(packages, p)
	}
}

// layer is the top-level room a package of weft's is in.
func layer(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	room, _, _ := strings.Cut(rest, "/")
	return room
}

func TestTreeArrowsGoOneWay(t *testing.T) {
	below := map[string][]string{
		"poller":   {"poller"},
		"reactor":  {"poller", "reactor"},
		"coro":     {"poller", "reactor", "coro"},
		"examples": {"poller", "reactor", "coro", "examples"},
		"bench":    {"poller", "reactor", "coro", "bench"},
	}
	for _, p := range goList(t, "./...") {
		allowed, known := below[layer(p.ImportPath)]
		require.True(t, known, "%s is in a room that is not in the plan", p.ImportPath)
		for _, i := range p.Imports {
			if room := layer(i); room != "" && !slices.Contains(allowed, room) {
				t.Errorf("%s imports %s: against the arrows poller <- reactor <- coro <- examples, bench", p.ImportPath, i)
			}
		}
	}
}

func TestTreeRuntimeNeedsNothingButXSys(t *testing.T) {
	for _, p := range goList(t, "-deps", "./coro") {
		ours := strings.HasPrefix(p.ImportPath, module+"/")
		if !p.Standard && !ours && !strings.HasPrefix(p.ImportPath, "golang.org/x/sys/") {
			t.Errorf("importing coro compiles %s: want std, golang.org/x/sys and weft only", p.ImportPath)
		}
	}
}

func TestTreeTopLevelHoldsOnlyThePlan(t *testing.T) {
	plan := []string{"poller", "reactor", "coro", "examples", "bench", "go.mod", "go.sum", "README.md", "LICENSE", "CHANGELOG.md"}
	entries, err := os.ReadDir("..")
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(plan, e.Name()) {
			t.Errorf("%s at the top level: want only %v and dot files", e.Name(), plan)
		}
	}
}

func TestTreePackagesAreDocumentedInDocGo(t *testing.T) {
	for _, p := range goList(t, "./...") {
		if p.Name == "main" {
			continue // its documentation is the program's own
		}
		if !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go", p.ImportPath)
		}
	}
}

// maxFileLines is where a file starts to be more than one concept. A longer one
// says why in its first comment, with the word "long".
const maxFileLines = 400

func TestTreeFilesAreShort(t *testing.T) {
	for _, p := range goList(t, "./...") {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			path := filepath.Join(p.Dir, name)
			source, err := os.ReadFile(path)
			require.NoError(t, err)
			lines := bytes.Count(source, []byte("\n"))
			if lines <= maxFileLines {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
			require.NoError(t, err)
			if len(file.Comments) == 0 || !strings.Contains(file.Comments[0].Text(), "long") {
				t.Errorf("%s has %d lines and no reason for more than %d", path, lines, maxFileLines)
			}
		}
	}
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// What a README shows as Go is in a file of tests, so it compiles and runs.
func TestREADMECodeIsAnExample(t *testing.T) {
	for readme, tests := range map[string]string{
		"../README.md":            "../coro/example_test.go",
		"../poller/sim/README.md": "../poller/sim/readme_test.go",
	} {
		shown, err := os.ReadFile(readme)
		require.NoError(t, err)
		run, err := os.ReadFile(tests)
		require.NoError(t, err)
		blocks := goBlock.FindAllSubmatch(shown, -1)
		require.NotEmpty(t, blocks, "Go code in %s", readme)
		for _, b := range blocks {
			if !strings.Contains(unindent(string(run)), unindent(string(b[1]))) {
				t.Errorf("%s shows code that is not in %s:\n%s", readme, tests, b[1])
			}
		}
	}
}

// unindent makes the same lines equal however deep they stand.
func unindent(code string) string {
	lines := strings.Split(code, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
