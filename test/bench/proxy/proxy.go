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

// Proxy is one column of the comparison.
type Proxy struct {
	Name string
	Note string // what of its configuration a reader should know
	// Program is what is looked up; a proxy whose program isn't there is named
	// as missing. Empty means that the load goes straight to the target.
	Program string
	// Plug has session lines, which are counted against the sessions.
	Plug bool
	// command returns the arguments; it may write files into dir.
	command func(p *Proxy, dir string, port, target int) ([]string, error)
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
	args, err := p.command(p, dir, port, target)
	return append([]string{path}, args...), err
}

// SessionLog is where a plug of ours puts its session lines.
func SessionLog(dir string) string { return filepath.Join(dir, "sessions") }

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
