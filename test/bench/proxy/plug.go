//go:build linux

// Plug itself as a proxy of the comparison.

package proxy

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Plug is a plug binary in one of its modes, with accounting: pidfile and
// session lines. A label distinguishes two binaries.
func Plug(binary, mode, label string) *Proxy {
	p := plug(binary, mode)
	p.Name = labelled("plug "+mode, label)
	p.Note = "accounting on, else its defaults"
	p.Generation = plugGeneration
	if mode != "pool" {
		p.Tasks = 4
		p.Most, p.MostWhy = 4096-16, "a process for each, at most 4,096 with the spares"
	}
	return p
}

// PlugWorker is a plug that keeps only one spare. Ending and replacing that
// spare is one worker's life, including the master's part. It takes part only
// in the kind of workload that ends spares.
func PlugWorker(binary, label, kind string) *Proxy {
	p := plug(binary, "fork", "--spares", "1:1")
	p.Name = labelled("plug fork's worker", label)
	p.Note = "a spare ended by TERM and replaced, the master's part included; time until the new one is ready"
	p.For = kind
	return p
}

// Bare is the Go program that does nothing.
func Bare(binary, kind string) *Proxy {
	return &Proxy{Name: BareName, Program: binary, For: kind,
		Note: "static, started with a worker's environment; the starting process's part included; time until it has ended"}
}

// BareName is the name of Bare.
const BareName = "bare Go program"

func plug(binary, mode string, more ...string) *Proxy {
	return &Proxy{Program: binary, Plug: true, version: []string{"-V"},
		command: func(_ *Proxy, dir string, port, target int) ([]string, error) {
			args := append([]string{"--mode", mode}, more...)
			return append(args, "--control", filepath.Join(dir, "ctl"), "-P", Pidfile(dir), "-S", SessionLog(dir), local(port), local(target)), nil
		}}
}

func labelled(name, label string) string {
	if label != "" {
		name += " " + label
	}
	return name
}

// plugGeneration: the pidfile's first line is the master, which changes at
// each upgrade.
func plugGeneration(dir string, _ int, _ []int) (int, string) {
	b, _ := os.ReadFile(Pidfile(dir))
	line, _, _ := strings.Cut(string(b), "\n")
	pid, _ := strconv.Atoi(line)
	return pid, line
}
