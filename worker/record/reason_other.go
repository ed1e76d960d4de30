//go:build !linux

// The texts of errors on other systems: all are made from Go's.

package record

import "syscall"

// common returns "": every text is made from Go's.
func common(syscall.Errno) string { return "" }
