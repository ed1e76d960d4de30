// Addresses that this host does not have yet: --freebind, and IPv6 addresses that
// are still tentative.

package host

import (
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// freebindHint says what an admin can do about an address that does not exist.
const freebindHint = "; use --freebind to listen anyway"

// freebind lets a socket be bound to an address that no interface has yet
// (ip(7) IP_FREEBIND).
func freebind(family int) socketOption {
	if family == unix.AF_INET6 {
		return socketOption{unix.SOL_IPV6, unix.IPV6_FREEBIND, 1}
	}
	return socketOption{unix.SOL_IP, unix.IP_FREEBIND, 1}
}

// isTentative reports whether this host has an IPv6 address that cannot be bound
// yet, because the kernel is still asking the network whether another host has it
// (RFC 4862, 5.4).
func isTentative(addr netip.Addr) bool {
	const tentative = 0x40 // IFA_F_TENTATIVE (linux/if_addr.h)
	if !addr.Is6() {
		return false
	}
	bytes := addr.As16()
	table, _ := os.ReadFile("/proc/net/if_inet6")
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line) // address, interface, prefix, scope, flags, name
		if len(f) < 6 || f[0] != hex.EncodeToString(bytes[:]) {
			continue
		}
		flags, err := strconv.ParseUint(f[4], 16, 32)
		return err == nil && flags&tentative != 0
	}
	return false
}
