// The path of a pidfile: making it absolute and resolving links.

package pidfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links in a row a pidfile's path may have (40, as in
// Linux, path_resolution(7)).
const maxLinks = 40

// resolve makes path absolute and follows the links of its last element, so
// that a rename replaces the file and not the link to it. The file itself need
// not exist, even if a link points to it; its directory must.
// Directories are left to the kernel: ".." after a link, and what /proc shows
// as links, cannot be resolved from their text.
// as links, can't be resolved by their words.
func resolve(path string) (string, error) {
	path, err := absolute(path)
	if err != nil {
		return "", err
	}
	for range maxLinks {
		dir, base := filepath.Split(path)
		if base == "" || base == "." || base == ".." {
			return "", unix.EISDIR
		}
		// With a slash at the end, stat requires a directory.
		var st unix.Stat_t
		if err := again(func() error { return unix.Stat(dir, &st) }); err != nil {
			return "", fmt.Errorf("directory %s: %w", dirOf(path), err)
		}
		link, err := os.Readlink(path)
		if err != nil { // not a link, or missing
			if err := checkRegular(path); err != nil && err != unix.ENOENT {
				return "", err
			}
			return path, nil
		}
		if path = link; !filepath.IsAbs(link) {
			path = dir + link
		}
	}
	return "", unix.ELOOP
}

// absolute returns a path that stays correct when the process changes its
// directory.
func absolute(path string) (string, error) {
	if path == "" {
		return "", errors.New("empty path")
	}
	if filepath.IsAbs(path) {
		return path, nil
	}
	wd, err := os.Getwd()
	return wd + "/" + path, err
}

// dirOf is path's directory, in the given form.
func dirOf(path string) string {
	dir, _ := filepath.Split(path)
	if dir = strings.TrimRight(dir, "/"); dir == "" {
		return "/"
	}
	return dir
}
