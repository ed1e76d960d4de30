//go:build linux

// Package proxy says how each proxy is started for a measurement: its command
// line, and its configuration where it needs one. All listen on a port of
// 127.0.0.1 and relay to one target there.
package proxy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Proxy is one row of the comparison.
type Proxy struct {
	Name string
	Note string // what a reader should know besides its command line
	// Program is what is looked up; a proxy whose program isn't there is named
	// as missing. Empty means that the load goes straight to the target.
	Program string
	// For is the only kind of workload that it has a part in; empty: all.
	For string
	// Plug has session lines, which are counted against the sessions.
	Plug bool
	// Most sessions at once, and why no more; 0: as many as the machine allows.
	Most    int
	MostWhy string
	// Tasks are a session's processes and threads; 0: one process has many.
	Tasks int
	// Generation tells, of a proxy that replaces itself at USR2, which process
	// gets the signal and a word that changes with each replacement. It is
	// given the proxy's directory, the process that was started, and all.
	Generation func(dir string, started int, all []int) (master int, word string)
	// command returns the arguments; it may write files into dir.
	command func(p *Proxy, dir string, port, target int) ([]string, error)
	// version are the arguments that make it tell its version; packaged is the
	// Debian package that knows it otherwise.
	version  []string
	packaged string
}

// Find returns the program's path, or an error that names what is missing.
func (p *Proxy) Find() (string, error) {
	path, err := exec.LookPath(p.Program)
	if err != nil {
		// Debian puts daemons where a user's PATH does not lead.
		if sbin := filepath.Join("/usr/sbin", p.Program); executable(sbin) {
			return sbin, nil
		}
		return "", fmt.Errorf("%s: %w", p.Name, err)
	}
	return filepath.Abs(path)
}

// Command is the whole command line for a measurement. Files go into dir.
func (p *Proxy) Command(dir string, port, target int) ([]string, error) {
	path, err := p.Find()
	if err != nil {
		return nil, err
	}
	if p.command == nil {
		return []string{path}, nil
	}
	args, err := p.command(p, dir, port, target)
	return append([]string{path}, args...), err
}

// SessionLog is where a plug of ours puts its session lines, Pidfile its PIDs.
func SessionLog(dir string) string { return filepath.Join(dir, "sessions") }
func Pidfile(dir string) string    { return filepath.Join(dir, "pid") }

func executable(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode()&0o111 != 0
}

// file writes a configuration file and returns its path.
func file(dir, name string, lines ...string) (string, error) {
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}

// local is a port of 127.0.0.1.
func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
