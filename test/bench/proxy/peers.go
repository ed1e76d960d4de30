//go:build linux

// The other proxies: their command lines and configurations.

package proxy

import (
	"fmt"
	"path/filepath"
	"slices"
)

// Direct is no proxy at all: the limit of the load generator and the backend.
func Direct() *Proxy { return &Proxy{Name: "none", Note: "the load straight at its target"} }

// Peers are the other programs, from Debian's packages.
func Peers() []*Proxy {
	return []*Proxy{
		{Name: "haproxy", Program: "haproxy", version: []string{"-v"}, packaged: "haproxy", command: haproxy},
		{Name: "nginx", Program: "nginx", version: []string{"-v"}, packaged: "nginx", command: nginx},
		{Name: "pen", Program: "pen", packaged: "pen", Note: "without -x it stops at 500 connections",
			Most: 8192, MostWhy: "its tables (-x) are for 8,192",
			command: func(_ *Proxy, _ string, port, target int) ([]string, error) {
				return []string{"-f", "-x", "8192", "-c", "8192", local(port), local(target)}, nil
			}},
		{Name: "rinetd", Program: "rinetd", version: []string{"-v"}, packaged: "rinetd", command: rinetd},
		{Name: Forker, Program: "simpleproxy", version: []string{"-V"}, packaged: "simpleproxy", Note: "forks for each connection", Tasks: 1,
			Most: 4200, MostWhy: "a process for each",
			command: func(_ *Proxy, _ string, port, target int) ([]string, error) {
				return []string{"-L", local(port), "-R", local(target)}, nil
			}},
		{Name: "socat", Program: "socat", version: []string{"-V"}, packaged: "socat",
			Note: "forks for each connection; its own backlog of 5 would make clients wait for a SYN's repetition", Tasks: 1,
			Most: 4200, MostWhy: "a process for each",
			command: func(_ *Proxy, _ string, port, target int) ([]string, error) {
				return []string{fmt.Sprintf("TCP4-LISTEN:%d,bind=127.0.0.1,reuseaddr,fork,backlog=4096", port), "TCP4:" + local(target)}, nil
			}},
	}
}

// Forker is the peer that is a C program which only forks.
const Forker = "simpleproxy"

// Reloading is HAProxy under its own master, which replaces its workers at
// USR2 and passes them the listening sockets. It takes part in one kind of
// workload.
func Reloading(kind string) *Proxy {
	seen := map[string][]int{} // by directory
	return &Proxy{Name: "haproxy -W", Program: "haproxy", For: kind, version: []string{"-v"}, packaged: "haproxy",
		Note: "USR2 to its master: new workers with the old ones' listening sockets, which finish (-sf)",
		// A process that did not exist before is a new generation.
		Generation: func(dir string, started int, all []int) (int, string) {
			for _, pid := range all {
				if !slices.Contains(seen[dir], pid) {
					seen[dir] = append(seen[dir], pid)
				}
			}
			return started, fmt.Sprint(len(seen[dir]))
		},
		command: func(p *Proxy, dir string, port, target int) ([]string, error) {
			cfg, err := haproxyConfig(dir, port, target,
				"  stats socket "+filepath.Join(dir, "stats")+" level admin expose-fd listeners")
			return []string{"-W", "-db", "-f", cfg}, err
		}}
}

func haproxy(_ *Proxy, dir string, port, target int) ([]string, error) {
	cfg, err := haproxyConfig(dir, port, target)
	return []string{"-db", "-f", cfg}, err
}

func haproxyConfig(dir string, port, target int, global ...string) (string, error) {
	lines := append([]string{"global", "  nbthread 2"}, global...)
	return file(dir, "haproxy.cfg", append(lines,
		"defaults",
		"  mode tcp",
		"  option splice-auto",
		"  timeout connect 5s",
		"  timeout client 10m",
		"  timeout server 10m",
		"listen bench",
		"  bind "+local(port),
		"  server target "+local(target))...)
}

func nginx(_ *Proxy, dir string, port, target int) ([]string, error) {
	lines := []string{
		"daemon off;",
		"worker_processes 2;",
		"worker_rlimit_nofile 18000;",
		"pid " + filepath.Join(dir, "nginx.pid") + ";",
		"error_log " + filepath.Join(dir, "nginx.log") + ";",
		// Two per session, and one worker may get all sessions.
		"events { worker_connections 17000; }",
		"stream {",
		"  server {",
		"    listen " + local(port) + " backlog=4096;",
		"    proxy_pass " + local(target) + ";",
		"  }",
		"}",
	}
	// In Debian, the stream module is a separate file.
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
