// Package address is an Internet address as the board has it, and its text.
//
// It imports next to nothing: package early explains why workers do not use
// net/netip.
package address

import "strconv"

// Addr is an address with a port, as it lies in the shared memory: 16 bytes,
// IPv4 in mapped form (RFC 4291, 2.5.5.2).
type Addr struct {
	IP   [16]byte
	Zone uint32 // interface index of a link-local address
	Port uint16
	Kind uint16 // 0 none, 4, 6
}

// AppendTo appends "10.1.2.3:119" or "[2001:db8::1]:119", or "-" if it is empty.
func (a *Addr) AppendTo(dst []byte) []byte {
	switch a.Kind {
	case 4:
		dst = a.AppendHost(dst)
	case 6:
		dst = append(a.AppendHost(append(dst, '[')), ']')
	default:
		return append(dst, '-')
	}
	return strconv.AppendUint(append(dst, ':'), uint64(a.Port), 10)
}

// AppendHost is AppendTo without the port: "10.1.2.3", "2001:db8::1" or
// "fe80::1%eth0".
func (a *Addr) AppendHost(dst []byte) []byte {
	switch a.Kind {
	case 4:
		return a.appendIPv4(dst)
	case 6:
		dst = a.appendIPv6(dst)
		if zone := a.LoadZone(); zone != 0 {
			dst = appendZone(dst, zone)
		}
		return dst
	}
	return append(dst, '-')
}

// String is the text that AppendTo appends.
func (a *Addr) String() string { return string(a.AppendTo(nil)) }

// Host is the text that AppendHost appends.
func (a *Addr) Host() string { return string(a.AppendHost(nil)) }

func (a *Addr) appendIPv4(dst []byte) []byte {
	for i, b := range a.IP[12:] {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return dst
}

// appendIPv6 writes the canonical text (RFC 5952, 4): lower case, no leading
// zeros, and "::" for the first of the longest runs of two zeros or more.
func (a *Addr) appendIPv6(dst []byte) []byte {
	from, to := a.zeros()
	for i := 0; i < 8; i++ {
		if i == from {
			dst = append(dst, "::"...)
			if i = to; i == 8 {
				break
			}
		} else if i > 0 {
			dst = append(dst, ':')
		}
		dst = strconv.AppendUint(dst, uint64(a.group(i)), 16)
	}
	return dst
}

func (a *Addr) group(i int) uint16 { return uint16(a.IP[2*i])<<8 | uint16(a.IP[2*i+1]) }

// zeros is the run of groups that "::" replaces; from is -1 if there is none.
func (a *Addr) zeros() (from, to int) {
	from = -1
	for i := 0; i < 8; i++ {
		end := i
		for end < 8 && a.group(end) == 0 {
			end++
		}
		if end-i >= 2 && end-i > to-from {
			from, to = i, end
		}
		i = max(i, end-1)
	}
	return from, to
}
