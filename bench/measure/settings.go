package measure

import (
	"os"
	"strings"
)

// sysctls are the settings of the kernel that shape a comparison of servers.
var sysctls = []string{
	"net.core.rmem_default", "net.core.rmem_max", "net.core.somaxconn",
	"net.core.wmem_default", "net.core.wmem_max", "net.core.default_qdisc",
	"net.ipv4.ip_local_port_range", "net.ipv4.tcp_congestion_control",
	"net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_mem",
	"net.ipv4.tcp_rmem", "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_wmem",
	"net.mptcp.enabled", "kernel.pid_max", "kernel.sched_rt_runtime_us",
	"vm.overcommit_memory", "fs.file-max",
}

// variables are the settings of the environment that shape one.
var variables = []string{"GOAMD64", "GODEBUG", "GOEXPERIMENT", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK"}

// Sysctls reads them, by name; those that this system does not have are left out.
func Sysctls() map[string]string {
	found := map[string]string{}
	for _, name := range sysctls {
		text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
		if err == nil {
			found[name] = strings.Join(strings.Fields(string(text)), " ")
		}
	}
	return found
}

// Environment reads the variables that are set.
func Environment() map[string]string {
	found := map[string]string{}
	for _, name := range variables {
		if value, set := os.LookupEnv(name); set {
			found[name] = value
		}
	}
	return found
}
