package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// UntilSignal calls run with a context that ends with Ctrl-C or SIGTERM, which is no
// error then: what coroecho writes out.
func UntilSignal(run func(ctx context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx)
	if errors.Is(err, context.Canceled) { // the signal
		return nil
	}
	return err
}
