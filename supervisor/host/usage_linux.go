// What this process uses, for metrics: open descriptors and memory, as read from
// /proc.

package host

import (
	"bytes"
	"os"
	"strconv"
)

// OpenFDs returns how many descriptors this process has open; 0 if unknown.
func OpenFDs() int {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	return max(0, len(names)-1) // not counting the one that reads the directory
}

// ResidentMemory returns how many bytes this process has in memory; 0 if unknown.
func ResidentMemory() uint64 {
	text, _ := os.ReadFile("/proc/self/statm") // proc(5): size, resident, ... in pages
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(string(fields[1]), 10, 64)
	return pages * uint64(os.Getpagesize())
}
