//go:build !unix

package measure

import "errors"

// OfSelf reads this process's usage.
func OfSelf() (Usage, error) { return Usage{}, errors.ErrUnsupported }
