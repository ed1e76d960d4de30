package main

import (
	"daemon/plug/supervisor/config"
)

// option is one option of the command line: getopt's letter, pflag's long
// name, and what its value does to the draft.
type option struct {
	letter byte   // 0 if it has none
	long   string // "" for -s, which is accepted and ignored
	value  string // what usage calls the value; "" for a flag
	help   string
	set    func(p *parser, value string) error
}

// options are all of them, in the order in which usage shows them. The table is
// data that the linker lays out: a worker pays nothing for it at its start.
var options = [...]option{
	{'i', "bind", "ADDR", "listen only on this address", func(p *parser, v string) (err error) {
		p.draft.Bind, err = config.ParseAddress(v)
		return
	}},
	{'p', "source-address", "ADDR", "connect to targets from this address", func(p *parser, v string) (err error) {
		p.draft.SourceAddress, err = config.ParseAddress(v)
		return
	}},
	{'h', "via", "ADDR[:PORT]", "connect through this HTTP proxy (port 80)", func(p *parser, v string) (err error) {
		p.draft.Via, err = config.ParseVia(v)
		return
	}},
	{'a', "allow", "NET[/BITS]", "allow clients from this network; repeatable", func(p *parser, v string) error {
		rule, err := config.ParseRule(v)
		p.draft.Rules = append(p.draft.Rules, rule)
		return err
	}},
	{'f', "sticky", "", "send a returning client to the same target", func(p *parser, v string) error {
		return setFlag(&p.draft.Sticky, v)
	}},
	{'t', "sticky-timeout", "TIME", "how long -f remembers an idle client (1h)", func(p *parser, v string) (err error) {
		p.draft.StickyTimeout, err = config.ParseSeconds(v, config.StickySpan())
		return
	}},
	{'o', "ordered", "", "always use the first good target, no rotation", func(p *parser, v string) error {
		return setFlag(&p.draft.Ordered, v)
	}},
	{'r', "retry-after", "TIME", "retry failed targets; 0 = only if all failed (0)", func(p *parser, v string) (err error) {
		p.draft.RetryAfter, err = config.ParseSeconds(v, config.RetrySpan())
		return
	}},
	{'k', "keepalive", "", "set SO_KEEPALIVE on both sides", func(p *parser, v string) error {
		return setFlag(&p.draft.Keepalive, v)
	}},
	{0, "connect-timeout", "TIME", "connect timeout per target (5s)", func(p *parser, v string) (err error) {
		p.draft.ConnectTimeout, err = config.ParseSeconds(v, config.ConnectSpan())
		return
	}},
	{0, "close-timeout", "TIME", "deliver last bytes for TIME, then reset (30s)", func(p *parser, v string) (err error) {
		p.draft.CloseTimeout, err = config.ParseSeconds(v, config.CloseSpan())
		return
	}},
	{'l', "log", "", "log every connection to syslog", func(p *parser, v string) error {
		return setFlag(&p.draft.Log, v)
	}},
	{'P', "pidfile", "FILE", "write the PIDs of master and sessions to FILE", func(p *parser, v string) error {
		return setPath(&p.draft.Pidfile, v)
	}},
	{'S', "session-log", "FILE", "write a line per ended session; - is stdout", func(p *parser, v string) error {
		return setPath(&p.draft.SessionLog, v)
	}},
	{'d', "debug", "", "debug to stderr; repeat for more; implies -n", func(p *parser, v string) error {
		return setDebug(&p.draft.Debug, v)
	}},
	{'n', "foreground", "", "do not detach; errors go to stderr", func(p *parser, v string) error {
		return setFlag(&p.draft.Foreground, v)
	}},
	{0, "syslog", "ADDR", "syslog socket: a path or udp://ADDR:PORT", func(p *parser, v string) (err error) {
		p.draft.Syslog, err = config.ParseSyslog(v)
		return
	}},
	{0, "log-format", "text|json", "format of the messages on stderr (text)", func(p *parser, v string) (err error) {
		p.draft.LogFormat, err = config.ParseLogFormat(v)
		return
	}},
	{0, "mode", "MODE", "fork, prefork or pool (prefork)", func(p *parser, v string) (err error) {
		p.draft.Mode, err = config.ParseMode(v)
		return
	}},
	{0, "workers", "N", "workers of --mode pool; 0 = one per core (0)", func(p *parser, v string) (err error) {
		p.draft.Workers, err = config.ParseNumber(v, 0, config.MaxWorkers)
		return
	}},
	{0, "spares", "MIN:MAX", "idle workers to keep; not with pool (4:16)", func(p *parser, v string) (err error) {
		p.draft.SparesMin, p.draft.SparesMax, err = config.ParseSpares(v)
		return
	}},
	{0, "max-workers", "N", "limit on workers; 0 = the system's limit (0)", func(p *parser, v string) (err error) {
		p.draft.MaxWorkers, err = config.ParseNumber(v, 0, config.MaxWorkers)
		return
	}},
	{0, "max-uses", "N", "worker exits after N sessions (10000, pool 0)", func(p *parser, v string) (err error) {
		p.draft.MaxUses, err = config.ParseNumber(v, 0, config.MaxUses)
		return
	}},
	{0, "backlog", "N", "length of the listen queue (4096)", func(p *parser, v string) (err error) {
		p.draft.Backlog, err = config.ParseNumber(v, 1, config.MaxBacklog)
		return
	}},
	{0, "freebind", "", "listen on an address that does not exist yet", func(p *parser, v string) error {
		return setFlag(&p.draft.Freebind, v)
	}},
	{0, "drain-timeout", "TIME", "how long QUIT waits; 0 = no limit (0)", func(p *parser, v string) (err error) {
		p.draft.DrainTimeout, err = config.ParseSeconds(v, config.DrainSpan())
		return
	}},
	{0, "user", "NAME[:GROUP]", "run the workers as this user", func(p *parser, v string) (err error) {
		p.draft.User, err = config.ParseUser(v, p.system)
		return
	}},
	{0, "control", "PATH", "control socket, or none (/run/plug/PORT.ctl)", func(p *parser, v string) (err error) {
		p.draft.Control, err = config.ParseControl(v)
		return
	}},
	{0, "control-group", "NAME", "let this group use the socket; mode 0660", func(p *parser, v string) (err error) {
		p.draft.ControlGroup, err = config.ParseGroup(v, p.system)
		return
	}},
	{0, "check", "", "check the command line, print it as JSON, exit", func(p *parser, v string) error {
		return setFlag(&p.check, v)
	}},
	{'V', "version", "", "print the version and exit", func(p *parser, v string) error {
		return setFlag(&p.version, v)
	}},
	{0, "help", "", "print this text and exit", func(p *parser, v string) error {
		return setFlag(&p.help, v)
	}},
	{'s', "", "", "ignored; for old scripts", nil},
}

// findLetter is the option of a getopt letter, findLong that of a long name;
// nil if there is none.
func findLetter(letter byte) *option {
	for i := range options {
		if letter != 0 && options[i].letter == letter {
			return &options[i]
		}
	}
	return nil
}

func findLong(long string) *option {
	for i := range options {
		if long != "" && options[i].long == long {
			return &options[i]
		}
	}
	return nil
}
