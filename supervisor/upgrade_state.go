// The old master's side of an upgrade, what it sends: the offer and, after the
// roster is frozen, generations, workers and totals.

package supervisor

import (
	"errors"
	"fmt"
	"time"

	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// makeOffer returns what a new master needs while this one still serves (loop).
func (m *master) makeOffer() (handover.Offer, []int) {
	m.sendDrains(len(m.plug.drainQueue)) // the new master assumes that all draining workers have been told
	o := handover.Offer{Role: m.starter.Role(), Generation: m.plug.generation.number, LastID: m.lastID,
		Workers:  m.ready(),
		Shepherd: m.shepherd,
		Affinity: m.plug.generation.board.Assignment.AffinityKey[:]}
	fds := []int{}
	if fd := m.starter.FD(); fd >= 0 {
		fds = append(fds, fd)
	} else {
		fds = append(fds, m.null)
	}
	for _, l := range m.plug.listeners {
		o.Listeners = append(o.Listeners, m.plug.cfg.Source.Label())
		fds = append(fds, l)
	}
	return o, fds
}

// messageWithFDs is a message and the descriptors that are sent with it, which the
// master keeps.
type messageWithFDs struct {
	handover.Message
	fds []int
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

// stateMessages returns the whole state of a frozen master, in the order in which
// it is sent. The messages are made in the loop and are copies: TERM may thaw this
// master while they are being sent.
func (m *master) stateMessages(frozen time.Time) (all []messageWithFDs) {
	told := m.plug.dropReport.told
	end := handover.EndRecord{Paused: m.plug.paused, Totals: m.totalsToSend(), Lines: m.plug.sessionFile.pending(), Told: &told, Frozen: frozen}
	if m.plug.settled.logLevelSet {
		level := m.plug.settled.logLevel
		end.LogLevel = &level
	}
	for g := range m.generations() {
		end.Generations++
		r := &handover.GenerationRecord{Number: g.number, Build: g.build}
		all = append(all, messageWithFDs{handover.Message{Kind: handover.KindGeneration, Generation: r}, []int{g.assignment, g.state, g.report}})
	}
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
	last := messageWithFDs{Message: handover.Message{Kind: handover.KindEnd, End: &end}}
	if f := m.pidfile.file; f != nil {
		end.Pidfile, last.fds = true, []int{f.FD()}
	}
	return append(all, last)
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
		m.spawned(<-m.spawner.results)
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
				return fmt.Errorf("pidfile %s: %w", m.plug.cfg.Pidfile, errAway)
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
	if gate := &m.plug.generation.board.State.Gate; gate.Load() == board.GateDraining {
		gate.Store(m.gate()) // the new master had closed the gate before it ended
		m.tellGate()
	}
}
