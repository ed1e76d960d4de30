// The old master's side of an upgrade, what it sends: the offer and, after the
// roster is frozen, generations, workers, and the state of each plug.

package supervisor

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// offerMessages returns what a new master needs while this one still serves
// (loop).
func (m *master) offerMessages() []messageWithFDs {
	starter := m.starter.FD()
	if starter < 0 {
		starter = m.null
	}
	first := messageWithFDs{handover.Message{Kind: handover.KindOffer, Offer: &handover.Offer{Role: m.starter.Role(), Generation: m.last.generation,
		LastID: m.last.child, Shepherd: m.shepherd, Plugs: len(m.plugs) + len(m.others)}}, []int{starter}}
	if s := m.control.socket; s != nil {
		first.Offer.Control = &handover.ControlRecord{Path: s.Path, ID: handover.Inode(s.ID)}
		first.fds = append(first.fds, s.FD)
	}
	all := []messageWithFDs{first}
	for p := range m.all() {
		all = append(all, p.offer())
	}
	return all
}

// offer returns what a new master needs to prepare this plug.
func (p *plug) offer() messageWithFDs {
	p.sendDrains(len(p.drainQueue)) // the new master assumes that all draining workers have been told
	o := &handover.PlugOffer{ID: p.id, Name: p.name(), Removed: p.removed, SessionLog: p.sessionFile.path,
		Affinity: p.generation.board.Assignment.AffinityKey[:]}
	if !p.removed {
		o.Workers = p.ready()
	}
	var fds []int
	for _, l := range p.listeners {
		o.Listeners, fds = append(o.Listeners, l.given.String()), append(fds, l.fd)
	}
	return messageWithFDs{handover.Message{Kind: handover.KindPlug, Plug: o}, fds}
}

// messageWithFDs is a message and the descriptors that are sent with it, which the
// master keeps.
type messageWithFDs struct {
	handover.Message
	fds []int
}

// send sends messages. The new master confirms each batch of workers.
func (u *upgrade) send(all []messageWithFDs) error {
	for i := range all {
		if err := u.wire.Send(&all[i].Message, all[i].fds...); err != nil {
			return err
		}
		if all[i].Kind != handover.KindChildren {
			continue
		}
		if _, _, err := u.wire.Expect(handover.KindTaken, handover.AnswerWithin); err != nil {
			return err
		}
	}
	return nil
}

// sendState freezes this master and sends all of its state.
func (u *upgrade) sendState() error {
	var all []messageWithFDs
	var frozen error
	err := u.do(func() {
		u.frozen = time.Now()
		if frozen = u.m.freeze(); frozen == nil {
			all = u.m.stateMessages(u.frozen)
		}
	})
	if err = errors.Join(err, frozen); err != nil {
		return err
	}
	return u.send(all)
}

// stateMessages returns the whole state of a frozen master, in the order in which
// it is sent. The messages are made in the loop and are copies: TERM may thaw this
// master while they are being sent.
func (m *master) stateMessages(frozen time.Time) (all []messageWithFDs) {
	end := handover.EndRecord{Plugs: len(m.plugs) + len(m.others), Totals: m.ownTotals(), Frozen: frozen,
		Told: handover.Lost{Records: m.losses.records.told, Dropped: m.losses.lines.told}}
	if m.levelSet {
		level := m.level
		end.LogLevel = &level
	}
	for g := range m.generations() {
		end.Generations++
		r := &handover.GenerationRecord{Plug: g.plug.id, Number: g.number, Build: g.build}
		all = append(all, messageWithFDs{handover.Message{Kind: handover.KindGeneration, Generation: r}, []int{g.assignment, g.state, g.report}})
	}
	all = m.childMessages(all, &end)
	for p := range m.all() {
		all = p.stateMessages(all, &end)
	}
	last := messageWithFDs{Message: handover.Message{Kind: handover.KindEnd, End: &end}}
	if f := m.pidfile.file; f != nil {
		last.fds = []int{f.FD()}
	}
	return append(all, last)
}

// childMessages appends the workers in batches, and counts them.
func (m *master) childMessages(all []messageWithFDs, end *handover.EndRecord) []messageWithFDs {
	batch := messageWithFDs{Message: handover.Message{Kind: handover.KindChildren}}
	for _, c := range m.roster {
		if c.pid == 0 || c.state == gone {
			continue
		}
		if len(batch.Children) == handover.Batch {
			all = append(all, batch)
			batch.Children, batch.fds = nil, nil
		}
		r := c.record()
		end.Children++
		end.Sum += r.Sum()
		batch.Children = append(batch.Children, r)
		if batch.fds = append(batch.fds, c.lifeline); host.HavePidfds {
			batch.fds = append(batch.fds, c.pidfd)
		}
	}
	if len(batch.Children) > 0 {
		all = append(all, batch)
	}
	return all
}

// stateMessages appends the plug's state, and its session lines in batches.
func (p *plug) stateMessages(all []messageWithFDs, end *handover.EndRecord) []messageWithFDs {
	all = append(all, messageWithFDs{Message: handover.Message{Kind: handover.KindState,
		State: &handover.PlugState{Plug: p.id, Paused: p.paused, Totals: p.totalsToSend(), Told: p.lines.told}}})
	for lines := range slices.Chunk(p.sessionFile.pending(), handover.Lines) {
		end.Lines += len(lines)
		all = append(all, messageWithFDs{Message: handover.Message{Kind: handover.KindLines, Lines: &handover.LineBatch{Plug: p.id, Lines: lines}}})
	}
	return all
}

// freeze stops all changes of the roster. It handles the pending spawn results and
// the last batch of events; after that the loop gets no spawn result, no death and
// no doorbell, and the pidfile equals the roster. It fails if the pidfile's disk
// does not answer: a list that is still being written could overwrite the new
// master's.
func (m *master) freeze() error {
	m.upgrades.frozen = true
	m.spawner.suspended.Store(true)
	for m.pendingSpawns() > 0 {
		b := <-m.spawner.results
		b.child.plug().spawned(b)
	}
	for held := m.watcher.Hold(); held != nil; {
		select {
		case s := <-m.watcher.Seen:
			m.handleEvents(s)
		case <-held:
			held = nil
		}
	}
	patience := time.After(commitPatience)
	for m.pidfile.writing || m.pidfile.dirty && m.pidfile.file != nil && !m.pidfile.broken {
		if m.pidfile.writing {
			select {
			case r := <-m.pidfile.results:
				m.pidfileWritten(r)
			case <-patience:
				return fmt.Errorf("pidfile %s: %w", m.cfg.Pidfile, errAway)
			}
		}
		m.writePidfile(time.Now().Add(coalesce))
	}
	m.reap()
	return nil
}

// pendingSpawns returns how many workers were requested and have no PID yet.
func (m *master) pendingSpawns() (n int) {
	for _, c := range m.roster {
		if c.pid == 0 {
			n++
		}
	}
	return n
}

// thaw undoes freeze.
func (m *master) thaw() {
	if !m.upgrades.frozen {
		return
	}
	m.upgrades.frozen = false
	m.spawner.suspended.Store(false)
	m.watcher.Resume()
	m.pidfile.dirty = m.pidfile.file != nil // the new master may have written its own list
	for _, p := range m.plugs {
		if gate := &p.generation.board.State.Gate; gate.Load() == board.GateDraining {
			gate.Store(p.gate()) // the new master had closed the gate before it ended
			p.tellGate()
		}
	}
}
