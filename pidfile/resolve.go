package pidfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links in a row a pidfile's path may have (Linux allows
// 40 as well, path_resolution(7)).
const maxLinks = 40

// resolve makes path absolute and follows the links of its last element, so
// that a rename replaces the file and not the link to it. The file itself need
// not exist, not even behind a link; its directory must.
//
// Directories are left to the kernel: ".." behind a link, and what /proc shows
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
		// With the slash at its end stat insists on a directory.
		var st unix.Stat_t
		if err := again(func() error { return unix.Stat(dir, &st) }); err != nil {
			return "", fmt.Errorf("directory %s: %w", dirOf(path), err)
		}
		link, err := os.Readlink(path)
		if err != nil { // not a link, or not there
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

// absolute is a path that stays right when the process changes its directory.
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

// dirOf is path's directory as it was written.
func dirOf(path string) string {
	dir, _ := filepath.Split(path)
	if dir = strings.TrimRight(dir, "/"); dir == "" {
		return "/"
	}
	return dir
}
