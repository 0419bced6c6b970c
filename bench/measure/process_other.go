//go:build !linux

package measure

import "errors"

// OfProcess reads another process's usage.
func OfProcess(int) (Usage, error) { return Usage{}, errors.ErrUnsupported }

// AnonymousBytes reads how much memory of a process is its own, in bytes.
func AnonymousBytes(int) (int64, error) { return 0, errors.ErrUnsupported }
