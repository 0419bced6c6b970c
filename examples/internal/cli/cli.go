package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// Main reads -addr, and the flags that define adds, and calls serve with it.
// Whatever is wrong is one line on the standard error, and status 2.
func Main(name string, serve func(addr string) error, define ...func(*flag.FlagSet)) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // or an error would bring the usage with it
	addr := flags.String("addr", "127.0.0.1:7000", "IP address and port to listen on")
	for _, d := range define {
		d(flags)
	}
	err := flags.Parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(os.Stdout)
		flags.Usage()
		return
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err == nil {
		err = serve(*addr)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
}
