//go:build linux

// Package proxy has the command line of each proxy for a measurement, and its
// configuration if it needs one. All listen on a port of 127.0.0.1 and relay
// to one target there.
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
	Note string // what a reader should know besides the command line
	// Program is the file to look for; a proxy without its program is reported
	// as missing. Empty: the load goes directly to the target.
	Program string
	// For is the only kind of workload in which it takes part; "": all.
	For string
	// Plug has session lines, which are compared with the sessions.
	Plug bool
	// maximum number of sessions at a time, and why; 0: limited only by the
	// machine
	Most    int
	MostWhy string
	// Tasks are the processes and threads per session; 0: one process has many
	// sessions.
	Tasks int
	// Generation, for a proxy that replaces itself at USR2, returns the
	// process that gets the signal, and a word that changes with each
	// replacement. Its arguments are the proxy's directory, the process that
	// was started, and all processes.
	Generation func(dir string, started int, all []int) (master int, word string)
	// command returns the arguments; it may write files into dir.
	command func(p *Proxy, dir string, port, target int) ([]string, error)
	// version are the arguments to print its version; packaged is the Debian
	// package whose version is used otherwise.
	version  []string
	packaged string
}

// Find returns the program's path, or an error that names what is missing.
func (p *Proxy) Find() (string, error) {
	path, err := exec.LookPath(p.Program)
	if err != nil {
		// In Debian, daemons are in a directory that a user's PATH lacks.
		if sbin := filepath.Join("/usr/sbin", p.Program); executable(sbin) {
			return sbin, nil
		}
		return "", fmt.Errorf("%s: %w", p.Name, err)
	}
	return filepath.Abs(path)
}

// Command is the whole command line for a measurement. It writes its files
// into dir.
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

// SessionLog is the file for plug's session lines, Pidfile the one for its
// PIDs.
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
