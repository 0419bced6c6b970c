package models

import "errors"

// errUnit: a role that no process of a probe has.
var errUnit = errors.New("models: no such unit")
