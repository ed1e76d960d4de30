//go:build !linux

// The program that this process runs, on other systems: by its path, which may
// lead to a newer one.

package host

import "os"

// Image is the program that this process runs.
func Image() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
