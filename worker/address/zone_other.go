//go:build !linux

package address

// interfaceName is not asked for here: records have the interface's number.
func interfaceName(uint32) string { return "" }
