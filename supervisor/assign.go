// The assignment: the configuration of a plug in the form that workers read.

package supervisor

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/sink"
	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
)

// assignFirst writes the first assignment of a board, and the state that depends on the
// configuration.
func assignFirst(b *board.Board, process *config.Process, cfg *config.Plug, listeners int) error {
	slots, err := slotsFor(nil, cfg.Targets, nil)
	if err != nil {
		return err
	}
	b.State.LogAt.Store(uint32(process.Debug))
	// ChaCha8 with the kernel's seed (math/rand/v2) is good enough for a hash's
	// key; crypto/rand would add 145 KiB of code to every worker's memory.
	b.Assignment.AffinityKey = [2]uint64{rand.Uint64(), rand.Uint64()}
	return assign(&b.Assigned, process, cfg, listeners, slots)
}

// assign writes the configuration in the form that workers read. slots has the slot of
// each target.
func assign(to *board.Assigned, process *config.Process, cfg *config.Plug, listeners int, slots []int) error {
	a := to.Assignment
	for bit, on := range map[uint32]bool{
		board.OptSticky: cfg.Sticky, board.OptOrdered: cfg.Ordered, board.OptKeepalive: cfg.TargetSockets().Keepalive,
		board.OptLog: cfg.Log, board.OptForeground: process.Foreground, board.OptJSON: process.LogFormat == "json",
		board.OptSession:     cfg.SessionLog != "",
		board.OptPool:        cfg.Mode == config.Pool,
		board.OptLingerReset: cfg.LingerReset, board.OptLifetimeReset: cfg.LifetimeEnd == "reset",
	} {
		if on {
			a.Options |= bit
		}
	}
	a.Uses = uint32(cfg.MaxUses)
	a.Listeners = uint32(listeners)
	a.ConnectTimeout = uint32(cfg.ConnectTimeout.Milliseconds())
	a.CloseTimeout = uint32(cfg.CloseTimeout.Milliseconds())
	a.StickyFor = uint32(cfg.StickyTimeout.Seconds())
	a.RetryAfter = uint32(cfg.RetryAfter.Seconds())
	if cfg.SourceAddress.IsValid() {
		a.Source = convert.From(netip.AddrPortFrom(cfg.SourceAddress, 0))
		a.Source.Zone = host.ZoneOf(cfg.SourceAddress.Zone())
	}
	a.Interface.Set(cfg.SourceInterface)
	if cfg.Via.IsValid() {
		a.Via = convert.From(cfg.Via)
		a.Via.Zone = host.ZoneOf(cfg.Via.Addr().Zone())
	}
	a.Tag.Set(cfg.Tag())
	a.SessionFile.Set(cfg.SessionLog)
	a.OOMScore = host.WorkerOOMScore()
	a.Label.Set(cfg.Label())
	a.Syslog.Set(process.Syslog.Path)
	if process.Syslog.UDP.IsValid() {
		a.SyslogUDP = convert.From(process.Syslog.UDP)
		a.SyslogUDP.Zone = host.ZoneOf(process.Syslog.UDP.Addr().Zone())
	}
	a.Host.Set(sink.ShortHost())
	assignTiming(a, cfg)
	assignRules(to, cfg)
	return assignTargets(to, cfg, slots)
}

// assignTiming writes the timers, and the options of the sockets to targets.
func assignTiming(a *board.Assignment, cfg *config.Plug) {
	a.IdleTimeout = uint32(cfg.IdleTimeout.Milliseconds())
	a.HalfClosedTimeout = uint32(cfg.HalfClosedTimeout.Milliseconds())
	a.FirstByteTimeout = uint32(cfg.FirstByteTimeout.Milliseconds())
	a.FirstByteOf = map[string]uint32{"client": board.OfClient, "target": board.OfTarget}[cfg.FirstByteOf]
	a.Lifetime = uint32(cfg.Lifetime.Milliseconds())
	a.LifetimeJitter = uint32(cfg.LifetimeJitter)
	a.NegotiateTimeout = uint32(cfg.NegotiateTimeout.Milliseconds())
	a.Linger = uint32(cfg.Linger.Milliseconds())
	s := cfg.TargetSockets()
	a.KeepaliveIdle, a.KeepaliveEvery, a.KeepaliveCount = uint32(s.Idle), uint32(s.Every), uint32(s.Count)
	a.UserTimeout, a.DSCP = uint32(s.UserTimeout), uint32(s.DSCP)
}

// assignRules writes the networks whose clients are allowed.
func assignRules(to *board.Assigned, cfg *config.Plug) {
	for i, rule := range cfg.Rules {
		r := to.Rule(i)
		at := convert.From(netip.AddrPortFrom(rule.Addr(), 0))
		r.IP, r.Kind, r.Bits = at.IP, uint32(at.Kind), uint32(rule.Bits())
		if at.Kind == 4 {
			r.Bits += 96
		}
	}
	to.Assignment.RuleCount = uint32(len(cfg.Rules))
}

// assignTargets writes the targets, each to its slot, and their order; a name that is
// too long is an error.
func assignTargets(to *board.Assigned, cfg *config.Plug, slots []int) error {
	for i, target := range cfg.Targets {
		t, err := boardTarget(target)
		if err != nil {
			return err
		}
		*to.Target(slots[i]) = t
		to.Assignment.TargetCount = max(to.Assignment.TargetCount, uint32(slots[i])+1)
	}
	to.SetOrder(slots)
	return nil
}

// boardTarget returns a target in the form that workers read.
func boardTarget(target config.Target) (t board.Target, err error) {
	if target.Addr.IsValid() {
		t.Addr = convert.From(target.Addr)
		t.Addr.Zone = host.ZoneOf(target.Addr.Addr().Zone())
	}
	t.Name.Set(target.String())
	if int(t.Name.Len) != len(target.String()) {
		return t, fmt.Errorf("target %q is longer than %d bytes", target.String(), len(t.Name.Buf))
	}
	return t, nil
}

// slotsFor returns a slot for each target: the one that the target has in the
// assignment was, or another one. A target that was named twice has two slots. was is
// nil for the first assignment of a generation. When no slot is left that was never
// used, reusable says which others may be.
func slotsFor(was *board.Assigned, targets []config.Target, reusable func(slot int) bool) ([]int, error) {
	slots, used := make([]int, len(targets)), 0
	if was != nil {
		used = int(was.Assignment.TargetCount)
	}
	taken := make(map[int]bool, len(targets))
	for i, target := range targets {
		slots[i] = -1
		t, err := boardTarget(target)
		if err != nil {
			return nil, err
		}
		for k := range used {
			if slot := (i + k) % used; !taken[slot] && sameTarget(was.Target(slot), &t) { // most often it has the same position
				slots[i], taken[slot] = slot, true
				break
			}
		}
	}
	again := 0
	for i := range slots {
		if slots[i] >= 0 {
			continue
		}
		if used < board.TargetSlots {
			slots[i], used = used, used+1
			continue
		}
		for again < board.TargetSlots && (taken[again] || was.Target(again).Gone == 0 || !reusable(again)) {
			again++
		}
		if again == board.TargetSlots {
			return nil, fmt.Errorf("no free slot for target %q: sessions still use those of %d removed targets", targets[i], board.TargetSlots-len(targets))
		}
		slots[i], taken[again] = again, true
	}
	return slots, nil
}
