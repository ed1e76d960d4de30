//go:build !linux

package supervisor

// openFDs and residentMemory are not known without a /proc as Linux has it.
func openFDs() int           { return 0 }
func residentMemory() uint64 { return 0 }
