// The new side of an upgrade, what it receives: generations and workers, checked
// against the counts of the old master.

package supervisor

import (
	"errors"
	"fmt"
	"time"

	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// offer is what a new master needs to prepare itself, while the old one serves.
type offer struct {
	Role       string   `json:"role"`       // of the starter, whose socket comes first
	Listeners  []string `json:"listeners"`  // their labels; the sockets follow
	Generation uint32   `json:"generation"` // the newest number in use
	LastID     uint64   `json:"last_id"`
	Workers    int      `json:"workers"`            // spares to have ready
	Shepherd   int      `json:"shepherd,omitempty"` // its PID, with -n
	Affinity   []uint64 `json:"affinity"`

	Control *controlRecord `json:"control,omitempty"` // its socket is the last descriptor
}

// generationRecord is one living generation; its assignment, state and report
// pipe come with it.
type generationRecord struct {
	Number uint32 `json:"number"`
	Build  string `json:"build,omitempty"` // version of the program
}

// childRecord is one worker; its lifeline comes with it, and its pidfd where
// there are any.
type childRecord struct {
	ID         uint64 `json:"id"`
	Generation uint32 `json:"generation"`
	Slot       int    `json:"slot"`
	PID        int    `json:"pid"`
	Busy       bool   `json:"busy"`
	Draining   bool   `json:"draining"`
	Listed     bool   `json:"listed"`
	Turns      uint64 `json:"turns"`
	Born       int64  `json:"born,omitempty"` // Unix ns
}

// endRecord closes the roster: what was sent, to be compared, and the rest of
// what a master knows. The pidfile's locked descriptor comes with it.
type endRecord struct {
	Generations int             `json:"generations"`
	Children    int             `json:"children"`
	Sum         uint64          `json:"sum"`
	Pidfile     bool            `json:"pidfile"`
	Paused      bool            `json:"paused"`
	Totals      counters.Totals `json:"totals"`
	Lines       []string        `json:"lines,omitempty"` // session lines that could not be written yet
	Told        *lost           `json:"told,omitempty"`  // what was lost and the log has said
	Frozen      time.Time       `json:"frozen"`
	LogLevel    *int            `json:"log_level,omitempty"` // if an admin has changed it
}

// sum is a number that differs if a record was lost, doubled or garbled.
func (r *childRecord) sum() uint64 {
	return (r.ID+1)*31 + uint64(r.PID)*7 + uint64(r.Slot) + uint64(r.Generation)<<32
}

// received is what a new master has received.
type received struct {
	generations []*generation
	children    []*child
	sum         uint64
	end         *endRecord
	pidfile     int // its locked descriptor; -1 without
}

// record is a child in the form of the wire.
func (c *child) record() childRecord {
	return childRecord{ID: c.id, Generation: c.generation.number, Slot: c.slot, PID: c.pid, Busy: c.state == busy,
		Draining: c.state == draining, Listed: c.listed, Turns: c.sessionsBefore, Born: c.born}
}

// addGeneration takes a generation over, with its three descriptors.
func (e *received) addGeneration(r *generationRecord, fds []int) error {
	if r == nil || len(fds) != 3 {
		closeAll(fds)
		return fmt.Errorf("a generation came with %d descriptors, expected 3", len(fds))
	}
	b, err := board.Adopt(fds[0], fds[1])
	if err != nil {
		closeAll(fds)
		return err
	}
	if b.Assignment.Generation != r.Number {
		closeAll(fds)
		return fmt.Errorf("generation %d came with the board of generation %d", r.Number, b.Assignment.Generation)
	}
	e.generations = append(e.generations, &generation{number: r.Number, build: r.Build, board: b, assignment: fds[0], state: fds[1],
		report: fds[2], bell: -1, slots: make([]*child, b.Tables.Workers)})
	return nil
}

// addChildren takes a batch of workers over, with a lifeline and a pidfd each.
func (e *received) addChildren(records []childRecord, fds []int) error {
	each := 1
	if host.HavePidfds {
		each = 2
	}
	if len(fds) != each*len(records) {
		closeAll(fds)
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
			closeAll(fds[each*i:])
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
		e.sum += r.sum()
	}
	return nil
}

// verify compares what came with what was sent.
func (e *received) verify(end *endRecord) error {
	if end == nil {
		return errors.New("the last message has no counts")
	}
	e.end = end
	if end.Generations != len(e.generations) || end.Children != len(e.children) || end.Sum != e.sum {
		return fmt.Errorf("counts differ: received %d generations, %d workers, sum %d; sent %d, %d, %d",
			len(e.generations), len(e.children), e.sum, end.Generations, end.Children, end.Sum)
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
