package backend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"

	"github.com/weft-go/weft/bench/load"
)

// nginx and Apache serve one file of 64 bytes, from its cache in the kernel, with
// connections that are kept alive and no log of requests. Everything else is as they
// come.

// serveNginx runs nginx: a master, and a worker with an event loop for each loop.
func serveNginx(ctx context.Context, c Config) error {
	return serveConfigured(ctx, c, func(dir, addr string) (*exec.Cmd, error) {
		descriptors, err := load.RaiseDescriptors()
		if err != nil {
			return nil, err
		}
		config := fmt.Sprintf(`
daemon off;
worker_processes %d;
worker_rlimit_nofile %d;
pid %[3]s/pid;
error_log stderr error;
events { worker_connections %[2]d; }
http {
  access_log off;
  tcp_nodelay on;
  sendfile on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  types { } default_type text/plain;
  client_body_temp_path %[3]s; proxy_temp_path %[3]s; fastcgi_temp_path %[3]s;
  uwsgi_temp_path %[3]s; scgi_temp_path %[3]s;
  server { listen %[4]s backlog=%[5]d; root %[3]s; }
}
`, c.Loops, descriptors, dir, addr, backlog)
		if err := writeSite(dir, config); err != nil {
			return nil, err
		}
		return exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, configName), "-e", "stderr"), nil
	})
}

// apacheWorkers is how many connections Apache serves at a time, with a process or a
// thread for each one.
//
// Bound: some 4 MB each as a process.
const apacheWorkers = 1024

// apacheThreads is how many of them share a process of mpm_worker.
const apacheThreads = 64

// apacheLimits is how many processes and threads an MPM has.
//
// Those with threads have all of them from the start to the end: a process that
// Apache has too many of closes its connections, kept alive or not, in the middle of
// a sample.
//
// Quirk(mpm_event): when all threads of a process have something to do, it closes
// those connections that are kept alive, so that they may come to another process. It
// takes more connections than it has threads, too. So each process, one for each
// loop, has a thread for every connection there can be, as the closed loop of the
// generator has them all at work.
//
// Quirk(mpm_prefork): processes are started when they are asked for, at first 1 and
// later 32 in a second: a thousand connections take half a minute until all of them
// were served once.
func apacheLimits(mpm string, loops int) string {
	processes, threads := apacheWorkers/apacheThreads, apacheThreads
	switch mpm {
	case "prefork":
		return fmt.Sprintf("ServerLimit %[1]d\nMaxRequestWorkers %[1]d\n", apacheWorkers)
	case "event":
		processes, threads = loops, apacheWorkers
	}
	return fmt.Sprintf("ServerLimit %[1]d\nStartServers %[1]d\nThreadLimit %[2]d\nThreadsPerChild %[2]d\n"+
		"MaxRequestWorkers %[3]d\nMinSpareThreads %[3]d\nMaxSpareThreads %[3]d\n", processes, threads, processes*threads)
}

// serveApache runs Apache with one of its multi-processing modules.
func serveApache(mpm string) func(ctx context.Context, c Config) error {
	return func(ctx context.Context, c Config) error {
		modules, err := apacheModules()
		if err != nil {
			return err
		}
		return serveConfigured(ctx, c, func(dir, addr string) (*exec.Cmd, error) {
			config := fmt.Sprintf(`
ServerName localhost
ServerRoot %[1]s
DefaultRuntimeDir %[1]s
PidFile %[1]s/pid
LoadModule mpm_%[2]s_module %[3]s/mod_mpm_%[2]s.so
LoadModule authz_core_module %[3]s/mod_authz_core.so
LoadModule dir_module %[3]s/mod_dir.so
DirectoryIndex index.html
%[4]sListen %[5]s
ListenBackLog %[6]d
ErrorLog /dev/stderr
LogLevel error
DocumentRoot %[1]s
<Directory %[1]s>
  Require all granted
</Directory>
KeepAlive On
KeepAliveTimeout 3600
MaxKeepAliveRequests 0
%[7]s`, dir, mpm, modules, unprivileged(), addr, backlog, apacheLimits(mpm, c.Loops))
			if err := writeSite(dir, config); err != nil {
				return nil, err
			}
			program, err := exec.LookPath("apache2")
			if err != nil {
				program = "httpd"
			}
			return exec.Command(program, "-f", filepath.Join(dir, configName), "-D", "FOREGROUND"), nil
		})
	}
}

const configName = "server.conf"

func writeSite(dir, config string) error {
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(config), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "index.html"), httpBody, 0o644)
}

// apacheModules is where its modules are.
func apacheModules() (string, error) {
	for _, dir := range []string{"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/libexec/apache2", "/usr/local/libexec/apache24"} {
		if _, err := os.Stat(filepath.Join(dir, "mod_authz_core.so")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("modules of Apache: %w", errAbsent)
}

// unprivileged says which user and group a server that is started by root becomes.
func unprivileged() string {
	if os.Getuid() != 0 {
		return ""
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return "" // Apache says that it does not run as root
	}
	return fmt.Sprintf("User #%s\nGroup #%s\n", nobody.Uid, nobody.Gid)
}
