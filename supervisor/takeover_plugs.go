// The new master's side of an upgrade, plugs: which of its own plugs continue those that
// the old master offers, and which listeners they take over. With a configuration file,
// what has changed there is applied, too.

package supervisor

import (
	"fmt"
	"slices"
	"strings"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// offeredSocket is a listener of the old master.
type offeredSocket struct {
	given string // its source, as the configuration named it
	fd    int
}

// inherited returns the service manager's name for the socket; "" if plug has bound it.
func (o offeredSocket) inherited() string {
	name, is := strings.CutPrefix(o.given, "fd:")
	if !is {
		return ""
	}
	return name
}

// takePlug takes over one plug. Its listeners wait for the plug that has them now.
func (s *takeover) takePlug() error {
	answer, fds, err := s.wire.Expect(handover.KindPlug, handover.ReadyWithin)
	if err != nil {
		return err
	}
	o := answer.Plug
	if o == nil || len(o.Listeners) != len(fds) || len(fds) == 0 && !o.Removed || len(o.Affinity) != 2 {
		handover.CloseAll(fds)
		return fmt.Errorf("an invalid offer of a plug with %d descriptors", len(fds))
	}
	for i, fd := range fds {
		s.sockets = append(s.sockets, offeredSocket{o.Listeners[i], fd})
	}
	p := s.continues(o)
	if p == nil {
		p = s.m.newPlug(&config.Plug{Name: o.Name, SessionLog: o.SessionLog})
		p.removed = true
		s.m.others = append(s.m.others, p)
		if err := p.openSessionFile(); err != nil {
			s.m.log.Error("session file of a removed plug", "plug", o.Name, "error", err)
		}
	}
	s.offered[o.ID] = p
	p.first = o.Workers
	p.affinity = [2]uint64{o.Affinity[0], o.Affinity[1]}
	return nil
}

// continues returns the plug that continues an offered one, nil if there is none. The
// plug of a command line with a service manager's socket was named by that socket.
func (s *takeover) continues(o *handover.PlugOffer) *plug {
	if o.Removed {
		return nil
	}
	for _, p := range s.m.plugs {
		taken := false
		for _, other := range s.offered {
			taken = taken || other == p
		}
		sources := func(source config.Source, given string) bool { return source.String() == given }
		if !taken && (p.name() == o.Name || slices.EqualFunc(p.given.Listeners, o.Listeners, sources)) {
			return p
		}
	}
	return nil
}

// takeListeners gives each plug its listeners: those that the old master has bound, and
// new ones. A command line must describe the same listeners as the one before.
func (s *takeover) takeListeners() error {
	offered := make([]string, len(s.sockets))
	for i, o := range s.sockets {
		offered[i] = o.given
	}
	strict := s.m.reloads.load == nil
plugs:
	for _, p := range s.m.plugs {
		for _, source := range p.given.Listeners {
			took, err := s.takeListener(p, source)
			switch {
			case err != nil:
				return err
			case took:
				continue
			case strict:
				return fmt.Errorf("the old master offered listeners %q, but the command line asks for %q", offered, source)
			}
			fd, err := host.Listen(source, source.Backlog, p.cfg.ClientSockets())
			if err != nil && !s.serves(p) && s.m.leaveOut(p, err) {
				continue plugs
			}
			if err != nil {
				return err
			}
			p.listeners = append(p.listeners, listener{fd: fd, source: source, given: source})
		}
		p.numberListeners()
		p.learn()
	}
	if strict && len(s.sockets) > 0 {
		return fmt.Errorf("the old master offered listeners %q, but the command line asks for %q", offered, s.m.label())
	}
	return nil
}

// serves reports whether the old master serves a plug.
func (s *takeover) serves(p *plug) bool {
	for _, other := range s.offered {
		if other == p {
			return true
		}
	}
	return false
}

// takeListener gives a plug the sockets of one of its sources.
func (s *takeover) takeListener(p *plug, source config.Source) (took bool, err error) {
	var rest []offeredSocket
	for _, o := range s.sockets {
		if o.given != source.String() || took && source.Inherited == "" {
			rest = append(rest, o)
			continue
		}
		took = true
		all := []listener{{fd: o.fd, source: source, given: source}}
		if source.Inherited != "" {
			if all, err = p.adopt(source, []int{o.fd}); err != nil {
				return false, err
			}
		}
		p.listeners = append(p.listeners, all...)
	}
	s.sockets = rest
	return took, nil
}

// continueRemoved takes over the generations of a plug that is not served any more.
func (p *plug) continueRemoved(all []*generation) {
	for _, g := range all {
		g.board.State.Gate.Store(board.GateDraining)
	}
	slices.SortFunc(all, func(a, b *generation) int { return int(a.number) - int(b.number) })
	if n := len(all); n > 0 {
		p.generation, p.older = all[n-1], all[:n-1]
		for _, g := range p.older {
			g.moved, _ = matchTargets(g.board, p.generation.board)
		}
		p.watchPipe(p.generation)
	}
}
