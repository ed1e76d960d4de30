// The zone of a link-local address: its interface index, and its name in
// texts.

package address

import (
	"strconv"
	"sync/atomic"
)

// NoInterface is the zone of an address whose interface does not exist now: no
// interface has this index.
const NoInterface uint32 = 1<<31 - 1

// LoadZone returns the zone of an address in shared memory. It changes when
// the interface is created again.
func (a *Addr) LoadZone() uint32 { return atomic.LoadUint32(&a.Zone) }

// StoreZone stores a new zone.
func (a *Addr) StoreZone(index uint32) { atomic.StoreUint32(&a.Zone, index) }

// appendZone appends "%eth0", or "%3" if the interface no longer has a name
// (RFC 4007, 11.2).
func appendZone(dst []byte, index uint32) []byte {
	dst = append(dst, '%')
	if name := interfaceName(index); name != "" {
		return append(dst, name...)
	}
	return strconv.AppendUint(dst, uint64(index), 10)
}
