//go:build !linux

// What this process uses, on systems where /proc is missing or different: unknown.

package host

// OpenFDs returns 0: it is unknown without Linux's /proc.
func OpenFDs() int { return 0 }

// ResidentMemory returns 0, too.
func ResidentMemory() uint64 { return 0 }
