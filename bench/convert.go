package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/export"
	"github.com/weft-go/weft/bench/page"
	"github.com/weft-go/weft/bench/result"
)

// reportCommand makes a page, and other files, of stored results.
type reportCommand struct {
	Files    []string `arg:"" name:"file" help:"Result files; each becomes a part of the page."`
	Out      string   `short:"o" placeholder:"FILE" help:"The page. Default: the first file with the ending .html; - is the standard output."`
	CSV      string   `name:"csv" placeholder:"FILE" help:"Also write the samples of the first file as comma-separated values."`
	Benchfmt string   `placeholder:"FILE" help:"Also write them in the Go benchmark format, for benchstat."`
	Hgrm     string   `placeholder:"DIR" help:"Also write their histograms as percentile files of HdrHistogram."`
}

func (c *reportCommand) Run(_ context.Context, t *terminal) error {
	var sources []page.Source
	for _, path := range c.Files {
		f, err := result.Read(path)
		if err != nil {
			return refuse("%w", err)
		}
		sources = append(sources, page.Source{Name: filepath.Base(path), File: f})
	}
	out := c.Out
	if out == "" {
		out = pageOf(c.Files[0])
	}
	for _, o := range []struct{ flag, path string }{{"out", out}, {"csv", c.CSV}, {"benchfmt", c.Benchfmt}} {
		if c.isResult(o.path) || result.Begins(o.path) {
			return refuse("--%s: %s is a result file", o.flag, o.path)
		}
	}
	first := sources[0].File
	if len(first.Samples) == 0 && c.CSV+c.Benchfmt+c.Hgrm != "" {
		return refuse("%s has no samples to write: models are in the page, and in the file itself", c.Files[0])
	}
	for _, o := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{out, func(w io.Writer) error { return page.Write(w, sources...) }},
		{c.CSV, func(w io.Writer) error { return export.CSV(w, first) }},
		{c.Benchfmt, func(w io.Writer) error { return export.GoBenchmarks(w, first) }},
	} {
		if err := writeFile(t, o.path, o.write); err != nil {
			return err
		}
	}
	if c.Hgrm == "" {
		return nil
	}
	return writePercentiles(t, c.Hgrm, first)
}

// isResult reports that a path leads to one of the files that are read, by whatever
// name: those are never replaced.
func (c *reportCommand) isResult(path string) bool {
	there, err := os.Stat(path)
	return err == nil && slices.ContainsFunc(c.Files, func(file string) bool {
		info, err := os.Stat(file)
		return err == nil && os.SameFile(there, info)
	})
}

// writeFile writes a file as a whole or not at all, and says so.
func writeFile(t *terminal, path string, write func(io.Writer) error) error {
	switch path {
	case "":
		return nil
	case "-":
		return write(t.out)
	}
	if err := replaceFile(path, write); err != nil {
		return err
	}
	fmt.Fprintln(t.err, "wrote", path)
	return nil
}

// replaceFile writes a file as a whole or not at all.
func replaceFile(path string, write func(io.Writer) error) error {
	file, err := createOutFile(path)
	if err != nil {
		return refuse("%w", err)
	}
	defer file.close()
	if err := file.fill(write); err != nil {
		return refuse("%w", err)
	}
	return nil
}

// writePercentiles writes a file per histogram of a usable sample, and says how many.
func writePercentiles(t *terminal, dir string, f result.File) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return refuse("%w", err)
	}
	written := 0
	for _, s := range f.Samples {
		for name, text := range s.Histograms {
			if s.Void != "" || text == "" {
				continue
			}
			file := fmt.Sprintf("%s %s %s round %d.hgrm", s.Point.Key(), s.Backend, name, s.Round)
			path := filepath.Join(dir, strings.ReplaceAll(file, " ", "_"))
			if err := replaceFile(path, func(w io.Writer) error { return export.Percentiles(w, text) }); err != nil {
				return err
			}
			written++
		}
	}
	fmt.Fprintf(t.err, "wrote %s in %s\n", count(written, "file"), dir)
	return nil
}
