// Package config holds what a process and its plugs were asked to do: a command line or
// configuration files, parsed and checked as a whole before anything is bound. It owns the
// options: a table with a row for each, the only list of them; a Parse function for each
// kind of value, whose errors say what would be right; a Draft, which collects the values
// and checks how they fit together; and a loader, which reads files in HCL and finds all
// errors in one run (load.go, evaluate.go, directive.go, plugblock.go). It opens nothing
// but these files, binds and resolves nothing; it asks a System about the system's
// accounts and interfaces.
package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Documented limits. A command line that exceeds one is refused with the limit.
const (
	MaxTargets = 1024      // targets of one plug; board.TargetSlots is higher: a slot never changes its target
	MaxRules   = 1024      // -a rules of one plug, as in board.MaxRules
	MaxSticky  = 1 << 21   // seconds of --sticky-timeout: board.MaxSticky, half the range of the affinity clock
	MaxWorkers = 4096      // --max-workers
	MaxUses    = 1<<31 - 1 // --max-uses
	MaxBacklog = 1<<16 - 1 // --backlog; the kernel reduces it to its own limit

	MaxKeepalive = 32767 // seconds of --keepalive-idle and -every (tcp(7))
	MaxProbes    = 127   // --keepalive-count

	MaxName = 253 // bytes of a host name, RFC 1035 without the root
)

// Mode says how sessions are spread over worker processes.
type Mode string

const (
	Fork    Mode = "fork"    // a new process for every session
	Prefork Mode = "prefork" // one session at a time, processes are reused
	Pool    Mode = "pool"    // a few processes, many sessions each
)

// Source is the listening side.
type Source struct {
	Addr  netip.Addr // invalid: all addresses; "::" is all of IPv6, without IPv4
	Port  uint16
	Dual  bool // all IPv6 and IPv4 addresses (":port", "*:port"); otherwise, if Addr is invalid, IPv4 only
	Named bool // an address was given: LISTEN and TAG show it

	Backlog   int    // length of its queue; 0: as the service manager has set it
	Freebind  bool   // --freebind: this host need not have the address
	Inherited string // fd:NAME: the socket comes from the service manager, and determines the rest
}

// Label is the source as session lines show it: "port", or "addr:port".
func (s Source) Label() string {
	if s.Inherited != "" && s.Port == 0 {
		return "fd:" + s.Inherited
	}
	if s.Named {
		return netip.AddrPortFrom(s.Addr, s.Port).String()
	}
	return strconv.Itoa(int(s.Port))
}

// Tag is the source as syslog lines show it: "(port)", or "(addr port)".
func (s Source) Tag() string {
	if s.Inherited != "" && s.Port == 0 {
		return "(" + s.Label() + ")"
	}
	if s.Named {
		return "(" + s.Addr.String() + " " + strconv.Itoa(int(s.Port)) + ")"
	}
	return "(" + strconv.Itoa(int(s.Port)) + ")"
}

// Label is the plug as session lines and titles show it: a plug with one listener by its
// source, one with several by its name.
func (p *Plug) Label() string {
	if len(p.Listeners) == 1 {
		return p.Listeners[0].Label()
	}
	return p.Name
}

// Tag is the plug as syslog lines show it.
func (p *Plug) Tag() string {
	if len(p.Listeners) == 1 {
		return p.Listeners[0].Tag()
	}
	return "(" + p.Name + ")"
}

// listens are the texts of the sources.
func (p *Plug) listens() string {
	all := make([]string, len(p.Listeners))
	for i, s := range p.Listeners {
		all[i] = s.String()
	}
	return strings.Join(all, " ")
}

func (p *Plug) freebind() bool {
	return slices.ContainsFunc(p.Listeners, func(s Source) bool { return s.Freebind })
}

// MinWorkers is how many workers the plug always has.
func (p *Plug) MinWorkers() int {
	if p.Mode == Pool {
		return max(1, p.Workers)
	}
	return p.SparesMin
}

// Target is one destination for connections: an address, or with -h a name that the HTTP
// proxy resolves.
type Target struct {
	Addr netip.AddrPort // invalid if Name is set
	Name string         // host name, only with -h
	ID   string         // the name of a target block, which identifies it over reloads; "" is its text
	Port uint16
}

// String is "addr:port", "[addr]:port" or "name:port".
func (t Target) String() string {
	if t.Name != "" {
		return t.Name + ":" + strconv.Itoa(int(t.Port))
	}
	return t.Addr.String()
}

// User is the user and groups that workers switch to when they are forked.
type User struct {
	Name   string   `json:"name"`
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"` // all of them, GID first, as setgroups(2) expects
}

// Group is a group of accounts.
type Group struct {
	Name string // as it was given
	GID  uint32
}

// String is the group as parseGroup reads it, "" for none.
func (g *Group) String() string {
	if g == nil {
		return ""
	}
	return g.Name
}

// Syslog says where records for syslog go: the path of a datagram socket, or
// a UDP address.
type Syslog struct {
	Path string         // e.g. /dev/log
	UDP  netip.AddrPort // valid with udp://host:port
}
