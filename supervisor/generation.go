// A generation: its board and report pipe are made here, and the configuration is
// written to the board.

package supervisor

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/sink"
	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/board/memory"
)

// generation is the workers of one binary version and configuration, with their
// board and report pipe. All descriptors here are the master's own.
type generation struct {
	plug       *plug  // that it belongs to
	number     uint32 // unique among all plugs
	build      string // version of the program that its workers run
	board      *board.Board
	assignment int // memfd
	state      int // memfd
	report     int // read end of the report pipe, in the watcher
	bell       int // its write end, passed on to workers; -1 in an adopted generation, which starts none

	names []string // of its targets, by slot, as far as they have been requested
	moved []int    // by slot: the same target's slot in the current generation, or -1; nil in the current one
	slots []*child // by worker slot
	free  []int    // slots without a worker; the last one is used next
}

// newGeneration makes a generation with a closed gate.
func newGeneration(number uint32, process *config.Process, cfg *config.Plug, workers, capacity, listeners int) (*generation, error) {
	g := &generation{number: number}
	var err error
	g.board, g.assignment, g.state, err = memory.New(board.Shape{
		Generation: number, Workers: uint32(workers), Capacity: uint32(capacity)})
	if err != nil {
		return nil, err
	}
	if err := assign(g.board, process, cfg, listeners); err != nil {
		return nil, err
	}
	if err := memory.Seal(g.assignment, g.state); err != nil {
		return nil, fmt.Errorf("board: seal: %w", err)
	}
	var fds [2]int
	if err := host.Pipe(fds[:]); err != nil {
		return nil, fmt.Errorf("report pipe: %w", err)
	}
	g.report, g.bell = fds[0], fds[1]
	g.slots = make([]*child, workers)
	for i := workers - 1; i >= 0; i-- {
		g.free = append(g.free, i)
	}
	return g, nil
}

// rows yields those rows of a worker slot that have ever been used. The others are
// not read, because even reading would make the kernel allocate memory for them.
func (g *generation) rows(slot int) iter.Seq[*board.Row] {
	used := min(uint64(g.board.Column(slot).Rows.Load()), g.board.Tables.RowsEach)
	return func(yield func(*board.Row) bool) {
		for i := range int(used) {
			if !yield(g.board.Row(slot, i)) {
				return
			}
		}
	}
}

// carries reports whether the worker in a slot has a session.
func (g *generation) carries(slot int) bool {
	for row := range g.rows(slot) {
		if row.Word().State() == board.RowLive {
			return true
		}
	}
	return false
}

// sessionsOf returns how many sessions the rows of a slot have carried and
// released.
func (g *generation) sessionsOf(slot int) (n uint64) {
	for row := range g.rows(slot) {
		n += row.Word().Epoch()
	}
	return n
}

// owing returns how many rows of a slot belong to ended sessions that were counted
// but whose lines are not written yet.
func (g *generation) owing(slot int) (n uint64) {
	for row := range g.rows(slot) {
		if row.Word().State() == board.RowEnding && row.Counted.Load() != 0 {
			n++
		}
	}
	return n
}

// label is the name of the plug that its workers serve, in session lines and
// titles.
func (g *generation) label() string { return g.board.Assignment.Label.String() }

// tag is what its workers' syslog records begin with.
func (g *generation) tag() string { return g.board.Assignment.Tag.String() }

// options reports whether all of these options (board.Opt…) are set for its
// workers.
func (g *generation) options(all uint32) bool { return g.board.Assignment.Options&all == all }

// targets returns the names of the generation's targets, by slot. Slots never
// change.
func (g *generation) targets() []string {
	for n := int(g.board.Assignment.TargetCount); len(g.names) < n; {
		g.names = append(g.names, g.board.Target(len(g.names)).Name.String())
	}
	return g.names
}

// close closes the generation's descriptors; it must have no workers left.
func (g *generation) close() {
	for _, fd := range []int{g.assignment, g.state, g.report, g.bell} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	g.board.Close()
}

// assign writes the configuration in the form that workers read.
func assign(b *board.Board, process *config.Process, cfg *config.Plug, listeners int) error {
	a := b.Assignment
	for bit, on := range map[uint32]bool{
		board.OptSticky: cfg.Sticky, board.OptOrdered: cfg.Ordered, board.OptKeepalive: cfg.Keepalive,
		board.OptLog: cfg.Log, board.OptForeground: process.Foreground, board.OptJSON: process.LogFormat == "json",
		board.OptSession: cfg.SessionLog != "",
		board.OptPool:    cfg.Mode == config.Pool,
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
	b.State.LogAt.Store(uint32(process.Debug))
	// ChaCha8 with the kernel's seed (math/rand/v2) is good enough for a hash's
	// key; crypto/rand would add 145 KiB of code to every worker's memory.
	a.AffinityKey = [2]uint64{rand.Uint64(), rand.Uint64()}
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
	assignRules(b, cfg)
	return assignTargets(b, cfg)
}

// assignRules writes the networks whose clients are allowed.
func assignRules(b *board.Board, cfg *config.Plug) {
	for i, rule := range cfg.Rules {
		r := b.Rule(i)
		at := convert.From(netip.AddrPortFrom(rule.Addr(), 0))
		r.IP, r.Kind, r.Bits = at.IP, uint32(at.Kind), uint32(rule.Bits())
		if at.Kind == 4 {
			r.Bits += 96
		}
	}
	b.Assignment.RuleCount = uint32(len(cfg.Rules))
}

// assignTargets writes the targets; a name that is too long is an error.
func assignTargets(b *board.Board, cfg *config.Plug) error {
	for i, target := range cfg.Targets {
		t := b.Target(i)
		if target.Addr.IsValid() {
			t.Addr = convert.From(target.Addr)
			t.Addr.Zone = host.ZoneOf(target.Addr.Addr().Zone())
		}
		t.Name.Set(target.String())
		if int(t.Name.Len) != len(target.String()) {
			return fmt.Errorf("target %q is longer than %d bytes", target.String(), len(t.Name.Buf))
		}
	}
	b.Assignment.TargetCount = uint32(len(cfg.Targets))
	return nil
}
