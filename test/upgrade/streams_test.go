// Upgrade tests: sessions that are held through upgrades.

package upgrade

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// streamer is a session that is held through upgrades: its client sends its
// own stream through an echo, piece by piece, and compares what comes back.
type streamer struct {
	c     *net.TCPConn
	seed  uint64
	peer  string // unique in the whole run
	pid   int    // of the process that carried it first
	bytes int64
	err   error
}

// streamers are a number of these sessions.
type streamers struct {
	all  []*streamer
	stop chan struct{}
	wg   sync.WaitGroup
}

// holdStreams opens n sessions, which exchange data until they are ended. It
// returns when all of them relay.
func holdStreams(t testing.TB, p *harness.Plug, n int) *streamers {
	t.Helper()
	s := &streamers{stop: make(chan struct{})}
	for i := range n {
		one := &streamer{seed: uint64(i), peer: fmt.Sprintf("127.2.%d.%d", i/250, 1+i%250)}
		one.c = harness.DialAs(t, one.peer, p.Addr())
		one.c.SetDeadline(time.Now().Add(time.Hour))
		s.all = append(s.all, one)
	}
	relays := make(chan struct{}, n)
	for _, one := range s.all {
		s.wg.Go(func() { one.err = one.talk(relays, s.stop) })
	}
	for i := range n {
		select {
		case <-relays:
		case <-time.After(harness.TalkBound):
			t.Fatalf("%d of %d sessions are not served", n-i, n)
		}
	}
	return s
}

// pieceEvery is how often a streamer sends: hundreds of them must leave a
// small machine enough CPU for the upgrades.
const pieceEvery = 100 * time.Millisecond

// talk sends and receives until it is stopped, and ends the session in order.
func (s *streamer) talk(relays chan<- struct{}, stop <-chan struct{}) error {
	tick := time.NewTicker(pieceEvery)
	defer tick.Stop()
	say, check, piece := harness.Stream(s.seed), harness.NewChecker(s.seed), make([]byte, 3000)
	for {
		io.ReadFull(say, piece)
		if _, err := s.c.Write(piece); err != nil {
			return fmt.Errorf("after %d bytes: %w", check.N, err)
		}
		if _, err := io.CopyN(check, harness.Plain{Conn: s.c}, int64(len(piece))); err != nil {
			return fmt.Errorf("after %d bytes: %w", check.N, err)
		}
		if s.bytes == 0 {
			relays <- struct{}{}
		}
		s.bytes = check.N
		select {
		case <-stop:
			return harness.Finish(s.c)
		case <-tick.C:
		}
	}
}

// carried records which process carries each session now.
func (s *streamers) carried(p *harness.Plug) {
	p.T.Helper()
	var conns []*net.TCPConn
	for _, one := range s.all {
		conns = append(conns, one.c)
	}
	for i, pid := range p.CarriersOf(conns) {
		s.all[i].pid = pid
	}
}

// end ends all sessions and returns what was wrong with them, according to
// their clients and, from lines, to the session file.
func (s *streamers) end() error {
	close(s.stop)
	s.wg.Wait()
	var errs []error
	for i, one := range s.all {
		if one.err != nil {
			errs = append(errs, fmt.Errorf("held session %d, carried by %d: %w", i+1, one.pid, one.err))
		}
	}
	return errors.Join(errs...)
}

// recorded compares the sessions with their lines: every byte counted, by the
// process that had them first.
func (s *streamers) recorded(lines []harness.SessionLine) error {
	byPeer := map[string][]harness.SessionLine{}
	for _, l := range lines {
		byPeer[l.Peer] = append(byPeer[l.Peer], l)
	}
	var errs []error
	for _, one := range s.all {
		l := byPeer[one.peer]
		if len(l) != 1 || l[0].PID != one.pid || l[0].In != one.bytes || l[0].Out != one.bytes {
			errs = append(errs, fmt.Errorf("held session of %s, %d bytes, carried by %d: lines %v", one.peer, one.bytes, one.pid, l))
		}
	}
	return errors.Join(errs...)
}
