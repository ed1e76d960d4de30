//go:build !linux

// The program that this process runs, on other systems: found by its path, where a
// newer one may be installed.

package host

import "os"

// Image is the path of the program that this process runs.
func Image() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
