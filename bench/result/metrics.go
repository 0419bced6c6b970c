package result

// Metric describes a figure. The registry is what tables, plots and comparisons
// know about it.
type Metric struct {
	// Name is its key in a Sample, with the unit in it.
	Name string
	// Title is for tables, Long for plots.
	Title, Long string
	Unit        string
	// Digits behind the decimal point in tables.
	Digits int
	Better Better
}

// Compares reports whether a ratio of the metric says something: that one of two is
// better.
func (m Metric) Compares() bool { return m.Better != Neither }

// Relates reports whether a quotient of two backends' figures says something, too. It
// does not where the least that there is, which the reference needs, is next to nothing.
func (m Metric) Relates() bool {
	switch m.Name {
	case MemoryPerConn, LivePerConn, StragglersMemory:
		return false
	}
	return m.Compares()
}

// Better is the direction in which a figure improves.
type Better int8

const (
	Neither Better = iota
	Lower
	Higher
)

func (b Better) String() string {
	switch b {
	case Lower:
		return "lower is better"
	case Higher:
		return "higher is better"
	}
	return "neither is better"
}

// The metrics that several places speak of by name.
const (
	Rate             = "messages_per_second"
	P50              = "p50_us"
	P99              = "p99_us"
	P999             = "p999_us"
	Longest          = "max_us"
	CPUPerMessage    = "cpu_us_per_message"
	CallsPerMessage  = "system_calls_per_message"
	SwitchesPer      = "context_switches_per_message"
	MemoryPerConn    = "pss_anon_bytes_per_connection"
	KernelPerConn    = "kernel_bytes_per_connection"
	ConnectsPer      = "connections_per_second"
	ConnectP99       = "connect_p99_us"
	Deliveries       = "deliveries_per_second"
	SkewP99          = "skew_p99_us"
	Jain             = "jain_index"
	LongestWait      = "longest_wait_us"
	OtherP99         = "others_p99_us"
	HogRate          = "hog_messages_per_second"
	HighestRate      = "highest_rate_within_limit"
	ServiceP99       = "service_p99_us"
	SendLagP99       = "send_lag_p99_us"
	ServerBusy       = "server_busy"
	GeneratorBusy    = "generator_busy"
	GeneratorCPUPer  = "generator_cpu_us_per_message"
	PressureDuring   = "cpu_pressure"
	ForeignCPU       = "foreign_cpu"
	ServerMemory     = "server_pss_anon_bytes"
	MostConnections  = "most_connections"
	StragglersMemory = "pss_anon_bytes_per_straggler"
	LivePerConn      = "live_bytes_per_connection"
	Threads          = "server_threads"
	SwitchesPerSec   = "context_switches_per_second"
	SlowP99          = "slow_p99_us"
)

// Metrics is all of them, in the order of the tables.
var Metrics = []Metric{
	{Rate, "msg/s", "messages per second", "1/s", 0, Higher},
	{P50, "p50 us", "median latency", "us", 0, Lower},
	{P99, "p99 us", "99th percentile of latency", "us", 0, Lower},
	{P999, "p99.9 us", "99.9th percentile of latency", "us", 0, Lower},
	{Longest, "max us", "longest latency", "us", 0, Lower},
	{CPUPerMessage, "CPU us", "server CPU time per message", "us", 2, Lower},
	{CallsPerMessage, "calls", "system calls per message", "1", 3, Lower},
	{SwitchesPer, "switches", "context switches per message", "1", 3, Lower},
	{LivePerConn, "live B/conn", "heap objects and stacks per connection", "B", 0, Lower},
	{MemoryPerConn, "B/conn", "user memory per connection", "B", 0, Lower},
	{KernelPerConn, "kernel B", "kernel memory per connection", "B", 0, Lower},
	{ConnectsPer, "conn/s", "connections per second", "1/s", 0, Higher},
	{ConnectP99, "connect p99 us", "99th percentile of connect time", "us", 0, Lower},
	{Deliveries, "deliveries/s", "deliveries per second", "1/s", 0, Higher},
	{SkewP99, "skew p99 us", "99th percentile from first to last delivery", "us", 0, Lower},
	{Jain, "Jain", "Jain's fairness index of the light connections", "1", 3, Higher},
	{LongestWait, "longest us", "longest wait of a light connection", "us", 0, Lower},
	{OtherP99, "others p99 us", "99th percentile of latency of the others", "us", 0, Lower},
	{HogRate, "hog msg/s", "messages of the hogs per second", "1/s", 0, Neither},
	{HighestRate, "rate in limit", "highest rate with p99 within the limit", "1/s", 0, Higher},
	{ServiceP99, "service p99 us", "99th percentile from the actual send", "us", 0, Lower},
	{SendLagP99, "send lag p99 us", "99th percentile of the generator's lag", "us", 0, Neither},
	{SlowP99, "slow p99 us", "99th percentile of latency of the slow ones", "us", 0, Lower},
	{ServerBusy, "server busy", "server CPU time over time", "1", 4, Neither},
	{SwitchesPerSec, "switches/s", "context switches of the server per second", "1/s", 1, Neither},
	{Threads, "threads", "threads of the server", "1", 0, Neither},
	{GeneratorBusy, "generator busy", "generator CPU time over time", "1", 2, Neither},
	{GeneratorCPUPer, "generator us", "generator CPU time per message", "us", 2, Neither},
	{PressureDuring, "pressure", "share of time in which something waited for a CPU (PSI)", "1", 2, Neither},
	{ForeignCPU, "foreign", "share of our processors' time that other programs had", "1", 2, Neither},
	{ServerMemory, "server B", "user memory of the server", "B", 0, Lower},
	{MostConnections, "connections", "connections that fitted", "1", 0, Higher},
	{StragglersMemory, "B/straggler", "user memory per straggler", "B", 0, Lower},
}

// FindMetric looks one up by its name.
func FindMetric(name string) (Metric, bool) {
	for _, m := range Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}
