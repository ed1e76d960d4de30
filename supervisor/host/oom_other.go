//go:build !linux

// Memory that runs out, on systems that tell nothing about it and let nobody say
// which process to kill first.

package host

// WorkerOOMScore is 0: no process can be marked to be killed first.
func WorkerOOMScore() int32 { return 0 }

// MemoryWatch knows nothing here.
type MemoryWatch struct{}

// Find has nothing to look up.
func (*MemoryWatch) Find() {}

// RanOut can't be told here.
func (*MemoryWatch) RanOut() string { return "" }
