// TestChaos's load: clients and targets that both know the whole conversation.

package chaos

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"daemon/plug/test/harness"
)

// chaosSession is what its two ends know of one session. Its client's address
// is unique in the whole run, so the line with that PEER is this session's.
type chaosSession struct {
	plan                plan
	peer                string
	began, first, ended time.Time // first is the time of the target's first byte; zero if none came
	received            int64     // by the client
	err                 error     // the client's error
	over                chan struct{}

	mu        sync.Mutex // a killed session's target may run late
	seen      int        // targets that read the session's number
	target    string
	taken     int64 // bytes that the target received
	targetErr error
	answered  bool // the target has finished its part
}

// whole reports whether both ends got everything in the plan, and nothing
// else. A cut session must arrive as a reset, not as EOF.
func (s *chaosSession) whole() bool {
	if s.plan.order == cutShort {
		return s.err == nil && s.seen == 1 && s.answered && s.targetErr != nil && !isShort(s.targetErr)
	}
	return s.err == nil && s.seen == 1 && s.answered && s.targetErr == nil
}

// chaosTarget is a target of the load, with its counts.
type chaosTarget struct {
	*harness.Backend
	nameless atomic.Int64 // connections that ended before the session's number came
}

const (
	greetingSize = 1 // a target's first byte, before it knows which session it has
	numberSize   = 8
	patience     = 45 * time.Second // of both ends, for a whole session
)

// chaosLoad opens sessions until it is stopped.
type chaosLoad struct {
	to      string
	rate    int // sessions begun per second
	most    int // sessions at a time
	rng     *rand.Rand
	targets []*chaosTarget

	mu       sync.Mutex
	sessions []*chaosSession // by number
	live     atomic.Int64
	wg       sync.WaitGroup
}

func (l *chaosLoad) run(stop <-chan struct{}) {
	tick := time.NewTicker(time.Second / time.Duration(l.rate))
	defer tick.Stop()
	for {
		select {
		case <-stop:
			l.wg.Wait()
			return
		case <-tick.C:
		}
		if l.live.Load() < int64(l.most) {
			l.begin(choosePlan(l.rng))
		}
	}
}

func (l *chaosLoad) begin(p plan) *chaosSession {
	l.mu.Lock()
	n := len(l.sessions)
	s := &chaosSession{plan: p, over: make(chan struct{}), peer: fmt.Sprintf("127.%d.%d.%d", 1+n/254/256, n/254%256, 1+n%254)}
	l.sessions = append(l.sessions, s)
	l.mu.Unlock()
	l.live.Add(1)
	l.wg.Go(func() {
		defer l.live.Add(-1)
		defer close(s.over)
		s.began = time.Now()
		s.err = s.client(uint64(n), l.to)
		s.ended = time.Now()
	})
	return s
}

// client is the client's end of a session.
func (s *chaosSession) client(number uint64, to string) error {
	c, err := harness.DialFrom(s.peer, to)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(binary.BigEndian.AppendUint64(nil, number)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, make([]byte, greetingSize)); err != nil {
		return err
	}
	s.first = time.Now()
	s.received = greetingSize
	if s.plan.order == cutShort {
		return s.plan.cut(c)
	}
	got, err := s.plan.talk(c, s.plan.up, s.plan.down, s.plan.order == upFirst)
	s.received += got
	return err
}

// target is the target's end: the first bytes say which session it is.
func (l *chaosLoad) target(b *chaosTarget, c *net.TCPConn) {
	c.SetDeadline(time.Now().Add(patience))
	c.Write(make([]byte, greetingSize))
	head := make([]byte, numberSize)
	if _, err := io.ReadFull(c, head); err != nil {
		b.nameless.Add(1)
		return
	}
	n := binary.BigEndian.Uint64(head)
	l.mu.Lock()
	if n >= uint64(len(l.sessions)) {
		l.mu.Unlock()
		b.T.Errorf("a target was told the session number %#x, which no client has", n)
		return
	}
	s := l.sessions[n]
	l.mu.Unlock()
	s.mu.Lock()
	s.seen++
	s.target = b.Addr()
	s.mu.Unlock()
	got, err := s.plan.talk(c, s.plan.down, s.plan.up, s.plan.order == downFirst)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken, s.targetErr, s.answered = numberSize+got, err, true
}

// serveTarget adds a target to the load.
func (l *chaosLoad) serveTarget(p *harness.Plug) string {
	b := new(chaosTarget)
	b.Backend = harness.Serve(p.T, harness.Anywhere, func(c *net.TCPConn) { l.target(b, c) })
	l.targets = append(l.targets, b)
	return b.Addr()
}

func isShort(err error) bool { return errors.Is(err, errShort) }
