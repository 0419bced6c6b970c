package measure

import "runtime"

// Host is the machine and the settings that figures depend on. What the
// operating system does not tell is empty.
type Host struct {
	Go   string `json:"go"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	// Kernel is its release, CPU the processor's model.
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"`
	// Congestion is TCP's congestion control: some pace what they send.
	Congestion string `json:"tcp_congestion_control"`
	// HugePages is whether the kernel may back the heap with huge pages, which
	// makes memory per connection larger and coarser.
	HugePages string `json:"transparent_hugepages"`
}

// OfHost reads them.
func OfHost() Host {
	h := Host{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()}
	h.readSystem()
	return h
}
