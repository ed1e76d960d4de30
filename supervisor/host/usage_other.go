//go:build !linux

// What this process uses, on systems where /proc is missing or another one:
// not known.

package host

// OpenFDs is not known without a /proc as Linux has it.
func OpenFDs() int { return 0 }

// ResidentMemory is not known either.
func ResidentMemory() uint64 { return 0 }
