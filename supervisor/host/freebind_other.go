//go:build !linux

// Addresses that this host does not have yet, on systems without --freebind:
// nothing can be done or found out about them.

package host

import "net/netip"

// freebindHint is empty: --freebind exists only on Linux, and the command line
// refuses it elsewhere.
const freebindHint = ""

func freebind(int) socketOption { return socketOption{} }

// isTentative is always false: it cannot be found out here.
func isTentative(netip.Addr) bool { return false }
