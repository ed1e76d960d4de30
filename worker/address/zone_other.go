//go:build !linux

// The name of an interface index, which only Linux looks up.

package address

// interfaceName returns "": records contain the interface's number.
func interfaceName(uint32) string { return "" }
