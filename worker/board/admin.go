package board

// What an admin wants of a target, in Mark.Admin. It stands beside the failed
// mark: a disabled target may be good, an enabled one failed.
const (
	Enabled  uint32 = iota
	Draining        // for clients that are back within -t alone
	Disabled        // for nobody
)

// enabled reports whether a new client may get the target.
func (m *TargetState) enabled() bool { return m.Admin.Load() == Enabled }

// returning reports whether a client may get the target back that it has had.
func (m *TargetState) returning() bool { return m.Admin.Load() < Disabled }

// anyEnabled reports whether there is a target for new clients.
func (b *Board) anyEnabled(n int) bool {
	for i := range n {
		if b.TargetState(i).enabled() {
			return true
		}
	}
	return false
}

// NoTargets reports that an admin has left no target for new clients.
func (b *Board) NoTargets() bool { return !b.anyEnabled(int(b.Assignment.TargetCount)) }
