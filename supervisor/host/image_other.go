//go:build !linux

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
