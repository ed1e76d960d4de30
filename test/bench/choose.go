//go:build linux

// Which proxies take part in a run.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"daemon/plug/test/bench/proxy"
)

// choose lists the proxies of this run, and prints those that are not
// installed.
func choose(o *options) error {
	all, err := candidates(o)
	if err != nil {
		return err
	}
	for _, p := range all {
		if !wanted(p.Name, o.only) {
			continue
		}
		if !slices.ContainsFunc(o.workloads, func(w workload) bool { return w.concerns(p) }) {
			continue
		}
		if p.Program != "" {
			if _, err := p.Find(); err != nil {
				o.missing = append(o.missing, err.Error())
				continue
			}
		}
		o.proxies = append(o.proxies, p)
	}
	if len(o.proxies) == 0 {
		return fmt.Errorf("none of the proxies is here; missing: %s", strings.Join(o.missing, "; "))
	}
	return nil
}

// candidates are all possible proxies.
func candidates(o *options) (all []*proxy.Proxy, err error) {
	labels := []string{""}
	if len(o.plugs) == 2 {
		labels = []string{labelOld, labelNew}
	}
	var workers []*proxy.Proxy
	for _, mode := range modes {
		for i, binary := range o.plugs {
			path, err := filepath.Abs(binary)
			if err != nil {
				return nil, err
			}
			all = append(all, proxy.Plug(path, mode, labels[i]))
			if mode == "fork" {
				workers = append(workers, proxy.PlugWorker(path, labels[i], starts))
			}
		}
	}
	all = append(append(all, workers...), proxy.Peers()...)
	all = append(all, proxy.Reloading(upgrades))
	if slices.ContainsFunc(o.workloads, func(w workload) bool { return w.kind == starts }) && wanted(proxy.BareName, o.only) {
		path, err := bareProgram()
		if err != nil {
			o.missing = append(o.missing, err.Error())
		} else {
			all = append(all, proxy.Bare(path, starts))
		}
	}
	return append(all, proxy.Direct()), nil
}

// modes are plug's modes.
var modes = []string{"fork", "prefork", "pool"}

// bareProgram builds the program that does nothing, in a directory that is
// removed at the end.
func bareProgram() (string, error) {
	starting.Lock() // otherwise the compiler could write after the removal
	defer starting.Unlock()
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return "", err
	}
	scratch.Store(&dir)
	return buildBare(dir)
}

func wanted(name, only string) bool {
	if only == "" {
		return true
	}
	for _, word := range strings.Split(only, ",") {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
