// Jobs is the master-worker pattern without sockets: a master splits work, workers
// run it, and the results come back in order.
//
//	go run ./examples/jobs -work mandelbrot -kind processes > picture.pgm
//	go run ./examples/jobs -work hashes -kind goroutines -dir .
//
// The first work needs processors, the second one files. Try both with -workers 1, 2
// and so on: computing gets no faster than there are processors, reading may.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/weft-go/weft/reactor/prefork"
	"github.com/weft-go/weft/reactor/prefork/jobs"
)

func main() {
	work := flag.String("work", "mandelbrot", "mandelbrot or hashes")
	kind := flag.String("kind", "goroutines", "goroutines, threads or processes")
	workers := flag.Int("workers", runtime.GOMAXPROCS(0), "how many work at a time")
	size := flag.Int("size", 600, "width and height of the picture")
	dir := flag.String("dir", ".", "folder of the files to hash")
	flag.Parse()
	o := jobs.Options{Workers: *workers, Retries: 1}
	err := fmt.Errorf("unknown kind %q", *kind)
	for _, k := range []jobs.Kind{jobs.Goroutines, jobs.Threads, jobs.Processes} {
		if k.String() == *kind {
			o.Kind, err = k, nil
		}
	}
	if err == nil {
		err = run(o, *work, *size, *dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "jobs:", err)
		os.Exit(2)
	}
}

func run(o jobs.Options, work string, size int, dir string) error {
	out := bufio.NewWriter(os.Stdout)
	began := time.Now()
	var err error
	switch work {
	case "mandelbrot":
		err = mandelbrot(o, size, out)
	case "hashes":
		err = hashes(o, dir, out)
	default:
		err = fmt.Errorf("unknown work %q", work)
	}
	if err == nil && !prefork.InWorker() {
		fmt.Fprintf(os.Stderr, "%s by %d %s: %v\n", work, o.Workers, o.Kind, time.Since(began).Round(time.Millisecond))
	}
	return errors.Join(err, out.Flush())
}

// mandelbrot writes the picture as a PGM file. A job is a row.
func mandelbrot(o jobs.Options, size int, out io.Writer) error {
	if size < 2 {
		return fmt.Errorf("size %d: want at least 2", size)
	}
	row := func(_ context.Context, y int) ([]byte, error) { return computeRow(y, size), nil }
	written := false
	return jobs.Run(context.Background(), o, upTo(size), row, func(_ int, pixels []byte, err error) error {
		if err != nil {
			return err
		}
		if !written {
			written = true
			fmt.Fprintf(out, "P5\n%d %d\n255\n", size, size)
		}
		_, err = out.Write(pixels)
		return err
	})
}

func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

// computeRow is how soon each point of a row escapes, in shades of grey.
func computeRow(y, size int) []byte {
	const most = 1000
	row := make([]byte, size)
	for x := range row {
		c := complex(3*float64(x)/float64(size)-2.25, 3*float64(y)/float64(size)-1.5)
		var z complex128
		n := 0
		for ; n < most && real(z)*real(z)+imag(z)*imag(z) < 4; n++ {
			z = z*z + c
		}
		if n < most {
			row[x] = byte(55 + n%200)
		}
	}
	return row
}

// hashes prints the SHA-256 of every file below dir, in order. A job is a file.
func hashes(o jobs.Options, dir string, out io.Writer) error {
	var walked error
	files := func(yield func(string) bool) {
		walked = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && !yield(path) {
				return filepath.SkipAll
			}
			return err
		})
	}
	type result struct{ Path, Sum string }
	err := jobs.Run(context.Background(), o, files, func(_ context.Context, path string) (result, error) {
		f, err := os.Open(path)
		if err != nil {
			return result{}, err
		}
		defer f.Close()
		h := sha256.New()
		_, err = io.Copy(h, f)
		return result{path, fmt.Sprintf("%x", h.Sum(nil))}, err
	}, func(_ int, r result, err error) error {
		if err != nil { // one file less
			fmt.Fprintln(os.Stderr, "jobs:", err)
			return nil
		}
		_, err = fmt.Fprintln(out, r.Sum, r.Path)
		return err
	})
	return errors.Join(err, walked)
}
