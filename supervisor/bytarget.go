// Sessions and bytes by target, over the boards of all generations, whose slots
// may differ.

package supervisor

import (
	"slices"

	"daemon/plug/supervisor/control"
	"daemon/plug/supervisor/counters"
	"daemon/plug/worker/board"
)

// traffic is what live sessions have carried so far.
type traffic struct {
	sessions int
	in, out  uint64
}

// live reads all rows: the traffic of all sessions, in total and by the current
// generation's target slots (loop).
func (m *master) live() (all traffic, bySlot []traffic) {
	bySlot = make([]traffic, len(m.plug.generation.targets()))
	for _, c := range m.roster {
		if c.state == gone {
			continue
		}
		for row := range c.generation.rows(c.slot) {
			w := row.Word()
			if w.State() != board.RowLive {
				continue
			}
			in, out := row.In.Load(), row.Out.Load()
			all.add(in, out)
			if slot := c.generation.slotNow(int(w.Target())); slot >= 0 && slot < len(bySlot) {
				bySlot[slot].add(in, out)
			}
		}
	}
	return all, bySlot
}

func (t *traffic) add(in, out uint64) {
	t.sessions++
	t.in += in
	t.out += out
}

// targets returns those of the current generation (loop). A target that the
// command line names twice has two slots; each shows its own numbers.
func (m *master) targets() []control.Target {
	all := m.countedByTarget(false)
	_, live := m.live()
	m.addLiveByTarget(all, live)
	return all
}

// countedByTarget returns the targets with what ended sessions have counted on all
// boards, and with the connect times if withTimes is set.
func (m *master) countedByTarget(withTimes bool) []control.Target {
	all := make([]control.Target, len(m.plug.generation.targets()))
	connects := make([]counters.Times, len(all))
	for i := range all {
		all[i] = m.target(i)
	}
	for g := range m.generations() {
		for i := range g.targets() {
			slot, tally := g.slotNow(i), g.board.TargetTally(i)
			if slot < 0 || slot >= len(all) {
				continue
			}
			all[slot].In += tally.BytesIn.Load()
			all[slot].Out += tally.BytesOut.Load()
			connects[slot].See(&tally.Connects)
		}
	}
	for i := range all {
		if withTimes {
			h := histogram(&connects[i], &board.ConnectBounds)
			all[i].ConnectTimes = &h
		}
	}
	return all
}

// addLiveByTarget adds what live sessions have carried. As in addLive, a number
// never falls below the one shown before.
func (m *master) addLiveByTarget(all []control.Target, live []traffic) {
	for i := range all {
		t := &all[i]
		t.Sessions = live[i].sessions
		t.In += live[i].in
		t.Out += live[i].out
		tally := m.plug.generation.board.TargetTally(i)
		t.In, t.Out = max(t.In, tally.ShownIn.Load()), max(t.Out, tally.ShownOut.Load())
		tally.ShownIn.Store(t.In)
		tally.ShownOut.Store(t.Out)
	}
}

// anyTarget reports whether takes accepts a target of any generation (loop).
func (m *master) anyTarget(takes func(string) bool) bool {
	for g := range m.generations() {
		if slices.ContainsFunc(g.targets(), takes) {
			return true
		}
	}
	return false
}

// slotNow returns the slot that a target of this generation has in the current
// one; -1 if it has none.
func (g *generation) slotNow(slot int) int {
	switch {
	case g.moved == nil:
		return slot
	case slot < len(g.moved):
		return g.moved[slot]
	}
	return -1
}

// follow records which slots the targets of an older generation have in the
// current one, and moves their counts there.
func (g *generation) follow(current *generation) {
	slots, _ := matchTargets(g.board, current.board)
	g.moved = make([]int, len(g.targets()))
	for i := range g.moved {
		g.moved[i] = -1
		if slot, same := slots[i]; same {
			g.moved[i] = slot
		}
	}
	g.handCounts(current)
}

// handCounts moves the counts of an older generation's targets to the current one.
// The older workers may continue counting, so both boards are summed until the
// older one is retired.
func (g *generation) handCounts(current *generation) {
	for i, slot := range g.moved {
		if slot >= 0 {
			g.board.TargetTally(i).Move(current.board.TargetTally(slot))
		}
	}
}
