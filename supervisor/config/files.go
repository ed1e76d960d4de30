// Which files a configuration is read from, and whether they can be trusted.

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"
)

// maxFile is the size above which a file is not read.
const maxFile = 16 << 20

// Files are the configuration files of a process, and what its command line says in
// addition, which wins.
type Files struct {
	Paths      []string // of files and folders, as they were given
	Pidfile    string   // -P; "" if it was not given
	Debug      int      // -d; 0 if it was not given
	Foreground bool     // -n
	Lenient    bool     // nothing will be served: files that others can change only cause a warning
	Advise     bool     // warn of what is allowed and seldom meant

	text string // the only file, if it is not on a disk yet
}

// name is that of the process: the first path without its directory and ending.
func (f *Files) name() string {
	base := filepath.Base(f.Paths[0])
	for _, ending := range []string{".json", ".hcl"} {
		base = strings.TrimSuffix(base, ending)
	}
	return base
}

// collect reads the files that the paths name. A file that is named twice is read once.
func (l *loader) collect(f *Files) {
	if f.text != "" {
		l.parse(f.Paths[0], []byte(f.text))
		return
	}
	var seen []fs.FileInfo
	for _, path := range f.Paths {
		info, err := os.Stat(path)
		if err != nil {
			l.fail(path, reasonOf(err))
			continue
		}
		paths := []string{path}
		if info.IsDir() {
			l.checkOwner(path, info)
			if paths = l.list(path); len(paths) == 0 {
				continue
			}
		}
		for _, path := range paths {
			l.take(path, &seen)
		}
	}
}

// list returns the files of a folder that belong to the configuration, in bytewise order.
func (l *loader) list(folder string) (paths []string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		l.fail(folder, reasonOf(err))
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, ".") && (strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json")) {
			paths = append(paths, filepath.Join(folder, name))
		}
	}
	if len(paths) == 0 {
		l.fail(folder, "the folder has no file whose name ends in .hcl or .hcl.json")
	}
	return paths
}

// take reads and parses one file.
func (l *loader) take(path string, seen *[]fs.FileInfo) {
	file, err := os.Open(path)
	if err != nil {
		l.fail(path, reasonOf(err))
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		l.fail(path, reasonOf(err))
		return
	}
	for _, other := range *seen {
		if os.SameFile(other, info) {
			return
		}
	}
	*seen = append(*seen, info)
	if !info.Mode().IsRegular() && !l.lenient {
		l.fail(path, "must be a regular file, because it is read again at each reload and upgrade")
		return
	}
	l.checkOwner(path, info)
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		l.fail(path, reasonOf(err))
	case len(text) > maxFile:
		l.fail(path, fmt.Sprintf("must be at most %d MiB long", maxFile>>20))
	default:
		l.parse(path, text)
	}
}

// checkOwner refuses what others than root can change, if this is root: they could have
// root do what they want.
func (l *loader) checkOwner(path string, info fs.FileInfo) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if l.system.EUID != 0 || !ok || !info.Mode().IsRegular() && !info.IsDir() {
		return
	}
	why := ""
	switch {
	case stat.Uid != 0:
		why = fmt.Sprintf("it belongs to UID %d; must belong to root", stat.Uid)
	case info.Mode().Perm()&0o022 != 0:
		why = fmt.Sprintf("its mode is %04o; must be %04o", info.Mode().Perm(), info.Mode().Perm()&^0o022)
	default:
		return
	}
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Others than root can change " + path,
		Detail: "A start as root refuses it: " + why + "."}
	if l.lenient {
		d.Severity = hcl.DiagWarning
	}
	l.diags = append(l.diags, d)
}

// maxNesting is how deep brackets may be nested; the parser is recursive.
const maxNesting = 100

// nested reports whether brackets are nested too deeply for the parser.
func nested(text []byte) bool {
	depth := 0
	for {
		at := bytes.IndexAny(text, "[]{}()")
		if at < 0 {
			return false
		}
		switch text[at] {
		case '[', '{', '(':
			if depth++; depth > maxNesting {
				return true
			}
		default:
			depth = max(depth-1, 0)
		}
		text = text[at+1:]
	}
}

// reasonOf is an error without the path, which is shown with it.
func reasonOf(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return err.Error()
}
