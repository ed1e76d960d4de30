// The options: the values that they set, and their table. A new option is a field, a row,
// and the code that reads the field.

package config

import (
	"net/netip"
	"time"
)

// Config is a checked configuration: that of a process and of the plugs that it serves. A
// command line describes one plug.
type Config struct {
	Process
	Plugs []*Plug
	Files *Files // that it was read from; nil for a command line
}

// Process is what belongs to the process: options of the scopes process and command.
type Process struct {
	File           string // the name of its configuration file, without directory and ending; "" for a command line
	Pidfile        string // -P
	Debug          int    // -d, counted
	Foreground     bool   // -n, or implied by -d or -S -
	Syslog         Syslog
	LogFormat      string // "text" or "json", on stderr
	Control        string // --control: path of the control socket; "" is none
	ControlDefault bool   // the path was not given: the process can run without it
	ControlGroup   *Group // --control-group; nil is no group
	Budget         int    // max-workers outside of all blocks: of all plugs together; 0 is no limit
}

// Plug is what belongs to one plug.
type Plug struct {
	Name      string // of a plug of a file; a plug of a command line is named by its source's label, which is no name for a file
	Listeners []Source
	Targets   []Target
	Via       netip.AddrPort // -h: the HTTP proxy; invalid if none, and then no target has a Name
	Rules     []netip.Prefix // -a, masked; with no rules, every client is admitted

	SourceAddress   netip.Addr // -p or /address: for outgoing connections; invalid if any
	SourceInterface string     // /interface: for outgoing connections

	Sticky        bool          // -f
	StickyTimeout time.Duration // -t
	Ordered       bool          // -o
	RetryAfter    time.Duration // -r; 0 is never
	Keepalive     bool          // -k

	Log        bool   // -l
	SessionLog string // -S; "-" is stdout

	Mode           Mode
	Workers        int // pool: worker processes, 0 is one per core; otherwise 0
	SparesMin      int // both 0 with pool
	SparesMax      int
	MaxWorkers     int // 0: what the system allows, at most the constant MaxWorkers
	MaxUses        int // sessions in a worker's life; 0 is unlimited
	ConnectTimeout time.Duration
	CloseTimeout   time.Duration // to deliver what a side sent before its reset
	Timing
	Backlog      int           // 0: as the service manager has set it for fd:NAME
	DrainTimeout time.Duration // QUIT; 0 waits without limit
	User         *User         // --user; nil keeps the user who starts plug
	Optional     bool          // other plugs are served even if this one cannot start
}

// options are all of them, in the order in which --check shows their values; the usage
// text is ordered by their topics. The table is data that the linker lays out, so it
// costs a worker nothing at its start.
var options = [...]Option{
	{Long: "source", Scope: ScopePlug, Change: ChangeSockets,
		Get: func(v Values) any { return v.Plug.listens() }},
	{Long: "targets", Scope: ScopePlug, Change: ChangeLive,
		Get: func(v Values) any { return texts(v.Targets) }},
	{Letter: 'i', Long: "bind", Arg: "ADDR", Help: "listen only on this address",
		Topic: ownAddresses, Scope: ScopePlug, Change: ChangeSockets,
		Set: func(d *Draft, text string) error { return take(&d.Bind, text, parseAddress) }},
	{Letter: 'h', Long: "via", Arg: "ADDR[:PORT]", Help: "connect through this HTTP proxy (port 80)",
		Topic: peers, Scope: ScopePlug, Change: ChangeGeneration,
		Set: func(d *Draft, text string) error { return take(&d.Via, text, parseVia) },
		Get: func(v Values) any { return textIf(v.Via.IsValid(), v.Via) }},
	{Letter: 'a', Long: "allow", Arg: "NET[/BITS]", Help: "allow clients from this network; repeatable",
		Topic: peers, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return takeMore(&d.Rules, text, parseRule) },
		Get: func(v Values) any { return texts(v.Rules) }},
	{Letter: 'p', Long: "source-address", Arg: "ADDR", Help: "connect to targets from this address",
		Topic: ownAddresses, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return take(&d.SourceAddress, text, parseAddress) },
		Get: func(v Values) any { return textIf(v.SourceAddress.IsValid(), v.SourceAddress) }},
	{Long: "source-interface", Scope: ScopePlug, Change: ChangeLive,
		Put: func(d *Draft, text string) error { return take(&d.SourceInterface, text, parseInterfaceName) },
		Get: func(v Values) any { return v.SourceInterface }},
	{Letter: 'f', Long: "sticky", Help: "send a returning client to the same target",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return take(&d.Sticky, text, parseBool) },
		Get: func(v Values) any { return v.Sticky }},
	{Letter: 't', Long: "sticky-timeout", Arg: "TIME", Help: "how long -f remembers an idle client", Default: "1h",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return takeTime(&d.StickyTimeout, text, StickySpan()) },
		Get: func(v Values) any { return v.StickyTimeout.Seconds() }},
	{Letter: 'o', Long: "ordered", Help: "always use the first good target, no rotation",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return take(&d.Ordered, text, parseBool) },
		Get: func(v Values) any { return v.Ordered }},
	{Letter: 'r', Long: "retry-after", Arg: "TIME", Help: "retry failed targets; 0 = only if all failed", Default: "0",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return takeTime(&d.RetryAfter, text, RetrySpan()) },
		Get: func(v Values) any { return v.RetryAfter.Seconds() }},
	{Letter: 'k', Long: "keepalive", Help: "set SO_KEEPALIVE on both sides",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return take(&d.Keepalive, text, parseBool) },
		Get: func(v Values) any { return v.Keepalive }},
	{Letter: 'l', Long: "log", Help: "log every connection to syslog",
		Topic: output, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return take(&d.Log, text, parseBool) },
		Get: func(v Values) any { return v.Log }},
	{Letter: 'P', Long: "pidfile", Arg: "FILE", Help: "write the PIDs of master and sessions to FILE",
		Topic: output, Scope: ScopeProcess, Change: ChangeMaster,
		Set: func(d *Draft, text string) error { return take(&d.Pidfile, text, parsePath) },
		Get: func(v Values) any { return v.Pidfile }},
	{Letter: 'S', Long: "session-log", Arg: "FILE", Help: "write a line per ended session; - is stdout",
		Topic: output, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return take(&d.SessionLog, text, parsePath) },
		Get: func(v Values) any { return v.SessionLog }},
	{Letter: 'd', Long: "debug", Help: "debug to stderr; repeat for more; implies -n",
		Topic: output, Scope: ScopeProcess, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return takeLevel(&d.Debug, text) },
		Get: func(v Values) any { return v.Debug }},
	{Letter: 'n', Long: "foreground", Help: "do not detach; errors go to stderr",
		Topic: output, Scope: ScopeCommand,
		Set: func(d *Draft, text string) error { return take(&d.Foreground, text, parseBool) },
		Get: func(v Values) any { return v.Foreground }},
	{Long: "mode", Arg: "MODE", Help: "fork, prefork or pool", Default: "prefork",
		Topic: service, Scope: ScopePlug, Change: ChangeGeneration,
		Set: func(d *Draft, text string) error { return take(&d.Mode, text, parseMode) },
		Get: func(v Values) any { return v.Mode }},
	{Long: "workers", Arg: "N", Help: "workers of --mode pool; 0 = one per core (0)",
		Topic: service, Scope: ScopePlug, Change: ChangeGeneration,
		Set: func(d *Draft, text string) error { return takeNumber(&d.Workers, text, 0, MaxWorkers) },
		Get: func(v Values) any { return v.Workers }},
	{Long: "spares", Arg: "MIN:MAX", Help: "idle workers to keep; not with pool (4:16)",
		Topic: service, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) (err error) {
			d.SparesMin, d.SparesMax, err = parseSpares(text)
			return err
		},
		Get: func(v Values) any { return v.spares() }},
	{Long: "max-workers", Arg: "N", Help: "limit on workers; 0 = the system's limit", Default: "0",
		Topic: service, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return takeNumber(&d.MaxWorkers, text, 0, MaxWorkers) },
		Get: func(v Values) any { return v.MaxWorkers }},
	{Long: "max-uses", Arg: "N", Help: "worker exits after N sessions (10000, pool 0)",
		Topic: service, Scope: ScopePlug, Change: ChangeGeneration,
		Set: func(d *Draft, text string) error { return takeNumber(&d.MaxUses, text, 0, MaxUses) },
		Get: func(v Values) any { return v.MaxUses }},
	{Long: "connect-timeout", Arg: "TIME", Help: "connect timeout per target", Default: "5s",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return takeTime(&d.ConnectTimeout, text, ConnectSpan()) },
		Get: func(v Values) any { return v.ConnectTimeout.Seconds() }},
	{Long: "close-timeout", Arg: "TIME", Help: "deliver last bytes for TIME, then reset", Default: "30s",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return takeTime(&d.CloseTimeout, text, CloseSpan()) },
		Get: func(v Values) any { return v.CloseTimeout.Seconds() }},
	{Long: "negotiate-timeout", Arg: "TIME", Help: "limit on the proxy's reply (--connect-timeout)",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeTime(&d.NegotiateTimeout, text, ConnectSpan()) },
		Hide: func(v Values) bool { return v.NegotiateTimeout == 0 },
		Get:  func(v Values) any { return v.NegotiateTimeout.Seconds() }},
	{Long: "idle-timeout", Arg: "TIME", Help: "end a session that moves no byte; 0 = never", Default: "0",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeTime(&d.IdleTimeout, text, TimerSpan()) },
		Hide: func(v Values) bool { return v.IdleTimeout == 0 },
		Get:  func(v Values) any { return v.IdleTimeout.Seconds() }},
	{Long: "half-closed-timeout", Arg: "TIME", Help: "the same after one side has ended",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeTime(&d.HalfClosedTimeout, text, TimerSpan()) },
		Hide: func(v Values) bool { return v.HalfClosedTimeout == 0 && v.IdleTimeout == 0 },
		Get:  func(v Values) any { return v.HalfClosedTimeout.Seconds() }},
	{Long: "first-byte-timeout", Arg: "TIME", Help: "end one without a first byte; 0 = never", Default: "0",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeTime(&d.FirstByteTimeout, text, TimerSpan()) },
		Hide: func(v Values) bool { return v.FirstByteTimeout == 0 },
		Get:  func(v Values) any { return v.FirstByteTimeout.Seconds() }},
	{Long: "first-byte-of", Arg: "SIDE", Help: "whose byte that is: any, client or target", Default: "any",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return take(&d.FirstByteOf, text, oneOf("any", "client", "target")) },
		Hide: func(v Values) bool { return v.FirstByteOf == "any" },
		Get:  func(v Values) any { return v.FirstByteOf }},
	{Long: "lifetime", Arg: "TIME", Help: "end a session after this time; 0 = never", Default: "0",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeTime(&d.Lifetime, text, TimerSpan()) },
		Hide: func(v Values) bool { return v.Lifetime == 0 },
		Get:  func(v Values) any { return v.Lifetime.Seconds() }},
	{Long: "lifetime-jitter", Arg: "PERCENT", Help: "lengthen it at random, by up to this", Default: "0",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeNumber(&d.LifetimeJitter, text, 0, 100) },
		Hide: func(v Values) bool { return v.LifetimeJitter == 0 },
		Get:  func(v Values) any { return v.LifetimeJitter }},
	{Long: "lifetime-end", Arg: "fin|reset", Help: "how sessions end then", Default: "fin",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return take(&d.LifetimeEnd, text, oneOf("fin", "reset")) },
		Hide: func(v Values) bool { return v.LifetimeEnd == "fin" },
		Get:  func(v Values) any { return v.LifetimeEnd }},
	{Long: "linger", Arg: "reset|TIME", Help: "after a timer: deliver for TIME, or reset",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeLinger(d, text) },
		Hide: func(v Values) bool { return v.Linger == 0 && !v.LingerReset },
		Get:  func(v Values) any { return v.Plug.linger() }},
	{Long: "keepalive-idle", Arg: "TIME", Help: "keepalive: first probe after TIME",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeTime(&d.KeepaliveIdle, text, KeepaliveSpan()) },
		Hide: func(v Values) bool { return v.KeepaliveIdle == 0 },
		Get:  func(v Values) any { return v.KeepaliveIdle.Seconds() }},
	{Long: "keepalive-every", Arg: "TIME", Help: "keepalive: time between two probes",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeTime(&d.KeepaliveEvery, text, KeepaliveSpan()) },
		Hide: func(v Values) bool { return v.KeepaliveEvery == 0 },
		Get:  func(v Values) any { return v.KeepaliveEvery.Seconds() }},
	{Long: "keepalive-count", Arg: "N", Help: "keepalive: number of probes without a reply",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeNumber(&d.KeepaliveCount, text, 1, MaxProbes) },
		Hide: func(v Values) bool { return v.KeepaliveCount == 0 },
		Get:  func(v Values) any { return v.KeepaliveCount }},
	{Long: "keepalive-of", Arg: "SIDE", Help: "both, or only client or target", Default: "both",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error {
			return take(&d.KeepaliveOf, text, oneOf("both", "client", "target"))
		},
		Hide: func(v Values) bool { return v.KeepaliveOf == "both" },
		Get:  func(v Values) any { return v.KeepaliveOf }},
	{Long: "user-timeout", Arg: "TIME", Help: "drop a peer that acknowledges nothing for TIME",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeTime(&d.UserTimeout, text, TimerSpan()) },
		Hide: func(v Values) bool { return v.UserTimeout == 0 && v.Plug.keepaliveTime() == 0 },
		Get:  func(v Values) any { return v.UserTimeout.Seconds() }},
	{Long: "user-timeout-of", Arg: "SIDE", Help: "both, or only client or target", Default: "both",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error {
			return take(&d.UserTimeoutOf, text, oneOf("both", "client", "target"))
		},
		Hide: func(v Values) bool { return v.UserTimeoutOf == "both" },
		Get:  func(v Values) any { return v.UserTimeoutOf }},
	{Long: "dscp", Arg: "N", Help: "DSCP of the packets to both sides, 0 to 63", Default: "0",
		Topic: sessions, Scope: ScopePlug, Change: ChangeLive,
		Set:  func(d *Draft, text string) error { return takeNumber(&d.DSCP, text, 0, 63) },
		Hide: func(v Values) bool { return v.DSCP == 0 },
		Get:  func(v Values) any { return v.DSCP }},
	{Long: "backlog", Arg: "N", Help: "length of the listen queue (4096)",
		Topic: service, Scope: ScopePlug, Change: ChangeSockets,
		Set: func(d *Draft, text string) error { return takeNumber(&d.Backlog, text, 1, MaxBacklog) },
		Get: func(v Values) any { return v.Backlog }},
	{Long: "freebind", Help: "listen on an address that does not exist yet",
		Topic: service, Scope: ScopePlug, Change: ChangeSockets,
		Set: func(d *Draft, text string) error { return take(&d.Freebind, text, parseBool) },
		Get: func(v Values) any { return v.Plug.freebind() }},
	{Long: "drain-timeout", Arg: "TIME", Help: "how long QUIT waits; 0 = no limit", Default: "0",
		Topic: service, Scope: ScopePlug, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return takeTime(&d.DrainTimeout, text, DrainSpan()) },
		Get: func(v Values) any { return v.DrainTimeout.Seconds() }},
	{Long: "user", Arg: "NAME[:GROUP]", Help: "run the workers as this user",
		Topic: service, Scope: ScopePlug, Change: ChangeGeneration,
		Set: func(d *Draft, text string) (err error) {
			d.User, err = parseUser(text, d.system)
			return err
		},
		Get: func(v Values) any { return v.User }},
	{Long: "optional", Scope: ScopePlug, Change: ChangeLive,
		Put:  func(d *Draft, text string) error { return take(&d.Optional, text, parseBool) },
		Hide: func(v Values) bool { return !v.Optional },
		Get:  func(v Values) any { return v.Optional }},
	{Long: "syslog", Arg: "ADDR", Help: "syslog socket: a path or udp://ADDR:PORT",
		Topic: output, Scope: ScopeProcess, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return take(&d.Syslog, text, parseSyslog) },
		Get: func(v Values) any { return v.Syslog.String() }},
	{Long: "log-format", Arg: "text|json", Help: "format of the messages on stderr", Default: "text",
		Topic: output, Scope: ScopeProcess, Change: ChangeLive,
		Set: func(d *Draft, text string) error { return take(&d.LogFormat, text, parseLogFormat) },
		Get: func(v Values) any { return v.LogFormat }},
	{Long: "control", Arg: "PATH", Help: "control socket or \"none\" (/run/plug/PORT.ctl)",
		Topic: control, Scope: ScopeProcess, Change: ChangeMaster,
		Set: func(d *Draft, text string) error { return take(&d.Control, text, parseControl) },
		Get: func(v Values) any { return v.Control }},
	{Long: "control-group", Arg: "NAME", Help: "let this group use the socket; mode 0660",
		Topic: control, Scope: ScopeProcess, Change: ChangeMaster,
		Set: func(d *Draft, text string) (err error) {
			d.ControlGroup, err = parseGroup(text, d.system)
			return err
		},
		Get: func(v Values) any { return v.ControlGroup.String() }},
	{Letter: 'c', Long: "config", Arg: "PATH", Help: "serve these files and folders; repeatable",
		Topic: service, Scope: ScopeCommand,
		Set: func(d *Draft, text string) error { return takeMore(&d.Files.Paths, text, parsePath) }},
	{Long: "check", Help: "check everything, print it as JSON, exit",
		Topic: answers, Scope: ScopeCommand,
		Set: func(d *Draft, text string) error { return take(&d.Check, text, parseBool) }},
	{Long: "explain", Help: "with --check: print where each value is from",
		Topic: answers, Scope: ScopeCommand,
		Set: func(d *Draft, text string) error { return take(&d.Explain, text, parseBool) }},
	{Long: "dump", Help: "print as one file and exit; =json in JSON",
		Topic: answers, Scope: ScopeCommand,
		Set: func(d *Draft, text string) error { return take(&d.Dump, text, parseDump) }},
	{Long: "convert", Help: "print the file for this command line and exit",
		Topic: answers, Scope: ScopeCommand,
		Set: func(d *Draft, text string) error { return take(&d.Convert, text, parseBool) }},
	{Letter: 'V', Long: "version", Help: "print the version and exit",
		Topic: answers, Scope: ScopeCommand,
		Set: func(d *Draft, text string) error { return take(&d.Version, text, parseBool) }},
	{Long: "help", Help: "print this text and exit",
		Topic: answers, Scope: ScopeCommand,
		Set: func(d *Draft, text string) error { return take(&d.Help, text, parseBool) }},
	{Letter: 's', Help: "ignored; for old scripts",
		Topic: answers, Scope: ScopeCommand,
		Set: func(*Draft, string) error { return nil }},
}
