//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package poller_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var backends []backend

func TestOpenIsUnsupported(t *testing.T) {
	_, err := poller.Open(poller.Config{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
