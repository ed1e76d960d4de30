// Tests of the watch: sharing, idle checks, silence, limits.

package metrics

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// clock is a clock that the test controls.
type clock struct {
	sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.Lock()
	defer c.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.Lock()
	defer c.Unlock()
	c.at = c.at.Add(d)
}

func watching(t *testing.T, f *fake) (*watch, *clock) {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)}
	w := newWatch(f.plugs()[0], 50*time.Millisecond)
	w.now = c.now
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { w.run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return w, c
}

func see(t *testing.T, w *watch) view {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	v, err := w.see(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// However many readers there are, the plug is asked once a second.
func TestReadersShareAnAnswer(t *testing.T) {
	f := busy()
	w, c := watching(t, f)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { see(t, w) })
	}
	all.Wait()
	if n := f.asked.Load(); n != 1 {
		t.Errorf("asked %d times in one moment, want once", n)
	}
	c.pass(fresh)
	see(t, w)
	if n := f.asked.Load(); n != 2 {
		t.Errorf("asked %d times after a second, want twice", n)
	}
}

// A health check finds out whether the plug answers, without a list of
// sessions.
func TestProbersAskLittle(t *testing.T) {
	f := busy()
	w, c := watching(t, f)
	for range 3 {
		if v, err := w.see(context.Background(), false); err != nil || v.Reason != nil {
			t.Errorf("%v, %v", v.Reason, err)
		}
		c.pass(fresh)
	}
	if n := f.asked.Load(); n != 0 {
		t.Errorf("asked %d times for everything", n)
	}
	f.leave("gone")
	if v, err := w.see(context.Background(), false); err != nil || v.Reason == nil {
		t.Errorf("away, but %v, %v", v.Reason, err)
	}
	f.back()
	if v := see(t, w); v.Reason != nil || len(v.Sessions) != 3 {
		t.Errorf("back, but %v, %d sessions", v.Reason, len(v.Sessions))
	}
}

func TestLastStateStaysWhileAway(t *testing.T) {
	f := busy()
	w, c := watching(t, f)
	first := see(t, w)
	if !first.Away.IsZero() || len(first.Sessions) != 3 {
		t.Fatalf("away %v, %d sessions", first.Away, len(first.Sessions))
	}
	f.leave("gone")
	c.pass(5 * time.Second)
	left := c.now()
	c.pass(0)
	see(t, w)
	c.pass(time.Minute)
	v := see(t, w)
	if v.Away != left || v.Reason.Error() != "gone" || v.Asked != first.Asked || v.Status == nil || len(v.Sessions) != 3 {
		t.Errorf("away since %v for %v with the state of %v, want since %v of %v", v.Away, v.Reason, v.Asked, left, first.Asked)
	}
	f.back()
	c.pass(time.Second)
	if v = see(t, w); !v.Away.IsZero() || v.Reason != nil || v.Asked != c.now() {
		t.Errorf("back, but away since %v (%v), state of %v", v.Away, v.Reason, v.Asked)
	}
}

func TestSilenceIsAway(t *testing.T) {
	f := busy()
	f.silent.Store(true)
	w, _ := watching(t, f)
	if v := see(t, w); v.Away.IsZero() || !errors.Is(v.Reason, context.DeadlineExceeded) {
		t.Errorf("away since %v (%v)", v.Away, v.Reason)
	}
}

// Without readers, the idle check finds out when the plug stopped.
func TestIdleCheck(t *testing.T) {
	f := busy()
	w := newWatch(f.plugs()[0], time.Second)
	ctx := context.Background()
	v := w.look(ctx, view{}, true)
	f.leave("gone")
	away := w.look(ctx, v, false)
	if away.Away.IsZero() || away.Status != v.Status {
		t.Errorf("%+v", away)
	}
	f.back()
	if back := w.look(ctx, away, false); !back.Away.IsZero() || back.Asked != v.Asked {
		t.Errorf("%+v", back)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	f := busy()
	for len(f.sessions) < 2*maxSessions {
		f.sessions = append(f.sessions, f.sessions[0])
	}
	all, err := Ask(f.ask).sessions(context.Background())
	if err != nil || len(all) != maxSessions {
		t.Errorf("%d sessions, %v; want %d", len(all), err, maxSessions)
	}
}
