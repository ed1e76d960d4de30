// Targets that an admin has enabled, drained or disabled, and what that means
// for choosing.

package board

// The states that an admin can give a target, in TargetState.Admin. They are
// independent of the failed mark: a disabled target may be good, an enabled
// one failed.
const (
	Enabled  uint32 = iota
	Draining        // only for clients that return within -t
	Disabled        // for no client
)

// enabled reports whether a new client may get the target.
func (m *TargetState) enabled() bool { return m.Admin.Load() == Enabled }

// returning reports whether a client that used the target before may get it
// again.
func (m *TargetState) returning() bool { return m.Admin.Load() < Disabled }

// anyEnabled reports whether there is a target for new clients.
func (b *Board) anyEnabled(n int) bool {
	for place := range n {
		if b.TargetState(b.SlotAt(place)).enabled() {
			return true
		}
	}
	return false
}

// NoTargets reports that an admin has left no target for new clients.
func (b *Board) NoTargets() bool { return !b.anyEnabled(b.Places()) }
