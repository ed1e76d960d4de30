//go:build linux

// How the report describes a proxy: version, command line, configuration.

package proxy

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Describe is one line of Markdown: the proxy's version, command line,
// configuration and note.
func (p *Proxy) Describe() string {
	var parts []string
	if p.Program != "" {
		if p.version != nil || p.packaged != "" {
			parts = append(parts, p.Version())
		}
		if line := p.options(); line != "" {
			parts = append(parts, line)
		}
	}
	if p.Note != "" {
		parts = append(parts, p.Note)
	}
	return p.Name + ": " + strings.Join(parts, "; ")
}

var versionNumber = regexp.MustCompile(`\d+\.\d+[0-9A-Za-z.+~-]*`)

// Version is the program's own output, or else the version of its package.
func (p *Proxy) Version() string {
	if path, err := p.Find(); err == nil && p.version != nil {
		if v := versionNumber.FindString(output(path, p.version...)); v != "" {
			return v
		}
	}
	if p.packaged != "" {
		if v := strings.TrimSpace(output("dpkg-query", "-W", "-f", "${Version}", p.packaged)); v != "" {
			return v
		}
	}
	return "version unknown"
}

// output is everything that a program prints within a short time; some exit
// with an error after printing their version.
func output(name string, args ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	b, _ := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(b)
}

// options are the command line and the contents of the files that it names,
// with LISTEN and TARGET instead of the ports.
func (p *Proxy) options() string {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return ""
	}
	defer os.RemoveAll(dir)
	const listen, target = 1, 2
	argv, err := p.Command(dir, listen, target)
	if err != nil {
		return ""
	}
	argv[0] = filepath.Base(argv[0])
	clean := strings.NewReplacer(dir+"/", "", dir, ".", local(listen), "LISTEN", local(target), "TARGET",
		"127.0.0.1 1 127.0.0.1 2", "LISTEN TARGET", "TCP4-LISTEN:1,", "TCP4-LISTEN:PORT,").Replace
	line := "`" + clean(strings.Join(argv, " ")) + "`"
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		fields := strings.FieldsFunc(clean(string(b)), func(r rune) bool { return r == '\n' })
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		fields = slices.DeleteFunc(fields, func(f string) bool { return f == "" })
		line += ", " + e.Name() + ": `" + strings.Join(fields, " / ") + "`"
	}
	return line
}
