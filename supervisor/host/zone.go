// The zone of an IPv6 address: the index of the interface that it names or
// numbers.

package host

import (
	"net"
	"strconv"

	"daemon/plug/worker/address"
)

// ZoneOf returns the interface index of an IPv6 zone, which is a name or a number;
// 0 if there is no zone.
func ZoneOf(name string) uint32 {
	if name == "" {
		return 0
	}
	if i, err := net.InterfaceByName(name); err == nil {
		return uint32(i.Index)
	}
	if index, err := strconv.ParseUint(name, 10, 31); err == nil && index > 0 {
		return uint32(index)
	}
	return address.NoInterface
}
