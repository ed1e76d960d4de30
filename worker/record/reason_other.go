//go:build !linux

package record

import "syscall"

// common knows none: every text is made from Go's.
func common(syscall.Errno) string { return "" }
