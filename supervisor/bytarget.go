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
func (p *plug) live() (all traffic, bySlot []traffic) {
	bySlot = make([]traffic, len(p.generation.targets()))
	for _, c := range p.roster {
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

// targets returns those of the current generation, in their order (loop). A target
// that is named twice has two slots; each shows its own numbers. A target that was
// removed is shown as long as it has sessions.
func (p *plug) targets() []control.Target {
	all := p.countedByTarget(false)
	_, live := p.live()
	p.addLiveByTarget(all, live)
	return p.shown(all)
}

// shown returns the targets that are shown of those by slot: first those of the
// rotation, in its order.
func (p *plug) shown(all []control.Target) []control.Target {
	b := p.generation.board
	out := make([]control.Target, 0, len(all))
	for place := range b.Places() {
		out = append(out, all[b.SlotAt(place)])
	}
	for slot := range all {
		if b.Target(slot).Gone != 0 && all[slot].Sessions > 0 {
			out = append(out, all[slot])
		}
	}
	return out
}

// countedByTarget returns the targets with what ended sessions have counted on all
// boards, and with the connect times if withTimes is set.
func (p *plug) countedByTarget(withTimes bool) []control.Target {
	all := make([]control.Target, len(p.generation.targets()))
	connects := make([]counters.Times, len(all))
	for i := range all {
		all[i] = p.target(i)
	}
	for g := range p.generations() {
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
func (p *plug) addLiveByTarget(all []control.Target, live []traffic) {
	for i := range all {
		t := &all[i]
		t.Sessions = live[i].sessions
		t.In += live[i].in
		t.Out += live[i].out
		tally := p.generation.board.TargetTally(i)
		t.In, t.Out = max(t.In, tally.ShownIn.Load()), max(t.Out, tally.ShownOut.Load())
		tally.ShownIn.Store(t.In)
		tally.ShownOut.Store(t.Out)
	}
}

// anyTarget reports whether takes accepts a target of any generation (loop).
func (p *plug) anyTarget(takes func(string) bool) bool {
	for g := range p.generations() {
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
