//go:build linux

package proxy

import (
	"fmt"
	"path/filepath"
)

// Direct is no proxy at all: the limit of load generator and backend.
func Direct() *Proxy { return &Proxy{Name: "none", Note: "the load straight at its target"} }

// Plug is a binary of ours in one of its modes, accounting on: pidfile and
// session lines. A label tells two binaries apart.
func Plug(binary, mode, label string) *Proxy {
	name := "plug " + mode
	if label != "" {
		name += " " + label
	}
	return &Proxy{Name: name, Program: binary, Plug: true, Note: "-P and -S to a file, else its defaults",
		command: func(_ *Proxy, dir string, port, target int) ([]string, error) {
			return []string{"--mode", mode, "-P", filepath.Join(dir, "pid"), "-S", SessionLog(dir), local(port), local(target)}, nil
		}}
}

// Peers are the other programs, from Debian's packages.
func Peers() []*Proxy {
	return []*Proxy{
		{Name: "haproxy", Program: "haproxy", Note: "mode tcp, 2 threads, splice-auto", command: haproxy},
		{Name: "nginx", Program: "nginx", Note: "stream, 2 workers", command: nginx},
		{Name: "pen", Program: "pen", Note: "-x 8192", command: func(_ *Proxy, _ string, port, target int) ([]string, error) {
			// Without -x it stops at 500 connections.
			return []string{"-f", "-x", "8192", "-c", "8192", local(port), local(target)}, nil
		}},
		{Name: "rinetd", Program: "rinetd", command: rinetd},
		{Name: "simpleproxy", Program: "simpleproxy", Note: "forks", command: func(_ *Proxy, _ string, port, target int) ([]string, error) {
			return []string{"-L", local(port), "-R", local(target)}, nil
		}},
		{Name: "socat", Program: "socat", Note: "fork, backlog=4096", command: func(_ *Proxy, _ string, port, target int) ([]string, error) {
			// Its own backlog of 5 would make clients wait for a SYN's repetition.
			return []string{fmt.Sprintf("TCP4-LISTEN:%d,bind=127.0.0.1,reuseaddr,fork,backlog=4096", port), "TCP4:" + local(target)}, nil
		}},
	}
}

func haproxy(_ *Proxy, dir string, port, target int) ([]string, error) {
	cfg, err := file(dir, "haproxy.cfg",
		"global",
		"  nbthread 2",
		"defaults",
		"  mode tcp",
		"  option splice-auto",
		"  timeout connect 5s",
		"  timeout client 1m",
		"  timeout server 1m",
		"listen bench",
		"  bind "+local(port),
		"  server target "+local(target))
	return []string{"-db", "-f", cfg}, err
}

func nginx(_ *Proxy, dir string, port, target int) ([]string, error) {
	lines := []string{
		"daemon off;",
		"worker_processes 2;",
		"worker_rlimit_nofile 16384;",
		"pid " + filepath.Join(dir, "nginx.pid") + ";",
		"error_log " + filepath.Join(dir, "nginx.log") + ";",
		"events { worker_connections 8192; }",
		"stream {",
		"  server {",
		"    listen " + local(port) + " backlog=4096;",
		"    proxy_pass " + local(target) + ";",
		"  }",
		"}",
	}
	// Debian builds the stream module as a file of its own.
	if found, _ := filepath.Glob("/usr/lib/nginx/modules/ngx_stream_module.so"); len(found) > 0 {
		lines = append([]string{"load_module " + found[0] + ";"}, lines...)
	}
	cfg, err := file(dir, "nginx.conf", lines...)
	return []string{"-c", cfg, "-p", dir}, err
}

func rinetd(_ *Proxy, dir string, port, target int) ([]string, error) {
	cfg, err := file(dir, "rinetd.conf",
		"pidlogfile "+filepath.Join(dir, "rinetd.pid"),
		fmt.Sprintf("127.0.0.1 %d 127.0.0.1 %d", port, target))
	return []string{"-f", "-c", cfg}, err
}
