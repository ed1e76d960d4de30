//go:build !linux

// Lack of memory, on systems that report nothing about it and have no way to
// choose which process to kill first.

package host

// WorkerOOMScore is 0: no process can be marked to be killed first.
func WorkerOOMScore() int32 { return 0 }

// MemoryWatch does nothing here.
type MemoryWatch struct{}

// Find does nothing.
func (*MemoryWatch) Find() {}

// RanOut is always "": the reason cannot be found out here.
func (*MemoryWatch) RanOut() string { return "" }
