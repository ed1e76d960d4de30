//go:build !linux

// Addresses that this host does not have yet, on systems without --freebind:
// nothing can be done or told about them.

package host

import "net/netip"

// freebindHint is empty: --freebind is Linux's, and the command line refuses it
// elsewhere.
const freebindHint = ""

func freebind(int) socketOption { return socketOption{} }

// isTentative can't be told here.
func isTentative(netip.Addr) bool { return false }
