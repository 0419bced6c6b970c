//go:build !linux

package models

// Probes is what can be measured here: nothing.
func Probes() []Probe { return nil }

// Unit is the other process of a probe.
func Unit(string) error { return errUnit }
