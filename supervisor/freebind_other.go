//go:build !linux

package supervisor

import "net/netip"

// freebindHint is empty: --freebind is Linux's, and the command line refuses it
// elsewhere.
const freebindHint = ""

func freebind(int) socketOption { return socketOption{} }

// isTentative can't be told here.
func isTentative(netip.Addr) bool { return false }
