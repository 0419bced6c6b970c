//go:build !unix

package backend

// descriptorLimit is how many descriptors a process may have: here, no number of
// them.
func descriptorLimit() uint64 { return 1 << 16 }
