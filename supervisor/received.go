// The new master's side of an upgrade, what it receives: generations and workers,
// checked against the old master's counts.

package supervisor

import (
	"errors"
	"fmt"

	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// received is the state that a new master has received.
type received struct {
	offered     map[uint32]*plug // by ID
	generations []*generation
	children    []*child
	plugs       map[*plug]*receivedPlug
	sum         uint64
	lines       int
	end         *handover.EndRecord
	pidfile     int // its locked descriptor; -1 without
}

func newReceived(offered map[uint32]*plug) *received {
	return &received{offered: offered, plugs: map[*plug]*receivedPlug{}, pidfile: -1}
}

// receivedPlug is the state of one plug.
type receivedPlug struct {
	*handover.PlugState
	lines []string
}

// generationsOf returns those of one plug.
func (e *received) generationsOf(p *plug) (of []*generation) {
	for _, g := range e.generations {
		if g.plug == p {
			of = append(of, g)
		}
	}
	return of
}

// addState takes over the state of a plug.
func (e *received) addState(s *handover.PlugState) error {
	if s == nil {
		return errors.New("a message without the state of a plug")
	}
	p := e.offered[s.Plug]
	if p == nil || e.plugs[p] != nil {
		return fmt.Errorf("state of plug %d: it was not offered, or the state was sent twice", s.Plug)
	}
	e.plugs[p] = &receivedPlug{PlugState: s}
	return nil
}

// addLines takes over a batch of session lines.
func (e *received) addLines(b *handover.LineBatch) error {
	if b == nil {
		return errors.New("a message without session lines")
	}
	of := e.plugs[e.offered[b.Plug]]
	if of == nil {
		return fmt.Errorf("session lines of plug %d, whose state was not sent", b.Plug)
	}
	of.lines = append(of.lines, b.Lines...)
	e.lines += len(b.Lines)
	return nil
}

// record returns a child in the form that is sent in a handover.
func (c *child) record() handover.ChildRecord {
	return handover.ChildRecord{ID: c.id, Generation: c.generation.number, Slot: c.slot, PID: c.pid, Busy: c.state == busy,
		Draining: c.state == draining, Listed: c.listed, Turns: c.sessionsBefore, Born: c.born}
}

// addGeneration takes over a generation, with its three descriptors.
func (e *received) addGeneration(r *handover.GenerationRecord, fds []int) error {
	if r == nil || len(fds) != 3 {
		handover.CloseAll(fds)
		return fmt.Errorf("a generation came with %d descriptors, expected 3", len(fds))
	}
	p := e.offered[r.Plug]
	if p == nil {
		handover.CloseAll(fds)
		return fmt.Errorf("generation %d belongs to plug %d, which was not offered", r.Number, r.Plug)
	}
	b, err := board.Adopt(fds[0], fds[1])
	if err != nil {
		handover.CloseAll(fds)
		return err
	}
	if b.Assignment.Generation != r.Number {
		handover.CloseAll(fds)
		return fmt.Errorf("generation %d came with the board of generation %d", r.Number, b.Assignment.Generation)
	}
	e.generations = append(e.generations, &generation{plug: p, number: r.Number, build: r.Build, board: b, assignment: fds[0], state: fds[1],
		report: fds[2], bell: -1, slots: make([]*child, b.Tables.Workers)})
	return nil
}

// addChildren takes over a batch of workers, with a lifeline and a pidfd each.
func (e *received) addChildren(records []handover.ChildRecord, fds []int) error {
	each := 1
	if host.HavePidfds {
		each = 2
	}
	if len(fds) != each*len(records) {
		handover.CloseAll(fds)
		return fmt.Errorf("%d workers came with %d descriptors, expected %d", len(records), len(fds), each*len(records))
	}
	for i, r := range records {
		c := &child{id: r.ID, slot: r.Slot, pid: r.PID, pidfd: r.PID, lifeline: fds[each*i], listed: r.Listed, sessionsBefore: r.Turns, born: r.Born}
		if host.HavePidfds {
			c.pidfd = fds[each*i+1]
		}
		for _, g := range e.generations {
			if g.number == r.Generation {
				c.generation = g
			}
		}
		if c.generation == nil || r.Slot < 0 || r.Slot >= len(c.generation.slots) || c.generation.slots[r.Slot] != nil || r.PID <= 1 {
			handover.CloseAll(fds[each*i:])
			return fmt.Errorf("worker %d: slot %d of generation %d does not exist or is taken", r.PID, r.Slot, r.Generation)
		}
		c.generation.slots[r.Slot] = c
		switch {
		case r.Draining:
			c.state = draining
		case r.Busy:
			c.state = busy
		default:
			c.state = spare
		}
		e.children = append(e.children, c)
		e.sum += r.Sum()
	}
	return nil
}

// verify compares what was received with what was sent.
func (e *received) verify(end *handover.EndRecord) error {
	if end == nil {
		return errors.New("the last message has no counts")
	}
	e.end = end
	got := handover.EndRecord{Plugs: len(e.plugs), Generations: len(e.generations), Children: len(e.children), Sum: e.sum, Lines: e.lines}
	if sent := (handover.EndRecord{Plugs: end.Plugs, Generations: end.Generations, Children: end.Children, Sum: end.Sum, Lines: end.Lines}); got != sent {
		return fmt.Errorf("counts differ: received %d plugs, %d generations, %d workers, sum %d, %d lines; sent %d, %d, %d, %d, %d",
			got.Plugs, got.Generations, got.Children, got.Sum, got.Lines, sent.Plugs, sent.Generations, sent.Children, sent.Sum, sent.Lines)
	}
	for _, g := range e.generations {
		for i := len(g.slots) - 1; i >= 0; i-- {
			if g.slots[i] == nil {
				g.free = append(g.free, i)
			}
		}
	}
	return nil
}
