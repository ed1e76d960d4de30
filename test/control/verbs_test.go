// Tests of the control socket's other verbs.

package control

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

func TestControlAccept(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		b := harness.Serve(t, harness.Anywhere, harness.Echo)
		p := harness.Start(t, mode, harness.WithControl("-d", b.Addr())...)
		c := harness.Hold(t, p, 1)[0]
		p.Asks("accept", harness.Fields{"state": "paused"})
		if s := p.Asks("status", nil).Status; !s.Paused {
			t.Errorf("%+v", s)
		}
		harness.MustPing(t, c)
		p.Asks("accept", harness.Fields{"state": "paused"})
		p.Asks("accept", harness.Fields{"state": "open"})
		harness.Hold(t, p, 2)
		p.Refuses(t, "accept", harness.Fields{"state": "shut"})
	})
}

// Reopen, reload and log-level do the same as their signals and options.
func TestControlReopen(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl("-d", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	old := p.Sessions + ".1"
	os.Rename(p.Sessions, old)
	if r := p.Asks("reopen", nil); !strings.Contains(r.Said, p.Sessions) {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(p.Sessions); err != nil {
		t.Errorf("after the answer: %v", err)
	}
	p.Asks("reload", nil)
	os.Remove(p.Sessions)
	if err := os.Mkdir(p.Sessions, 0o700); err != nil {
		t.Fatal(err)
	}
	if why := p.Refuses(t, "reopen", nil); !strings.Contains(why, "s a directory") {
		t.Errorf("the reason: %s", why)
	}
	os.Remove(p.Sessions)
	p.Asks("reopen", nil)
	p.Asks("log-level", harness.Fields{"level": 2})
	harness.Finish(harness.Hold(t, p, 1)[0])
	harness.Await(t, "a session's begin in the log", harness.NormalWait, func() bool { return len(p.Said("session started")) == 1 })
	p.Asks("log-level", harness.Fields{"level": 0})
	if s := p.Asks("status", nil).Status; s.LogLevel != 0 {
		t.Errorf("%+v", s)
	}
	p.Refuses(t, "log-level", harness.Fields{"level": 3})
	harness.Finish(harness.Hold(t, p, 1)[0])
	p.Lines(2)
	if n := len(p.Said("session started")); n != 1 {
		t.Errorf("%d begins in the log", n)
	}
}

// Stop leaves the sessions alone; with drain it reports how many are left, and
// answers when there are none.
func TestControlStop(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Start(t, mode, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held := harness.Hold(t, p, 3)
		if r := p.Asks("stop", nil); !strings.Contains(r.Said, "3 sessions continue") {
			t.Errorf("%+v", r)
		}
		if code := p.Wait(10 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		for _, c := range held {
			harness.MustPing(t, c)
			harness.Finish(c)
		}
		p.Lines(3)
		if _, err := os.Lstat(p.Ctl()); err == nil {
			t.Error("the socket is left")
		}

		q := harness.Start(t, mode, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held = harness.Hold(t, q, 2)
		c, err := harness.OpenTalk(q.Ctl())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Say(harness.Fields{"verb": "stop", "drain": true})
		var left []int
		for {
			r, err := c.Hear()
			if err != nil {
				t.Fatalf("after %v: %v", left, err)
			}
			if r.Done || r.Error != "" {
				if r.Error != "" || !strings.Contains(r.Said, "stopped") {
					t.Errorf("%+v", r)
				}
				break
			}
			if r.Progress == nil || r.Progress.Phase != "draining" {
				t.Fatalf("%+v", r)
			}
			if left = append(left, r.Progress.Sessions); len(held) > 0 && r.Progress.Sessions == len(held) {
				harness.Finish(held[0])
				held = held[1:]
			}
		}
		if !slices.Contains(left, 2) || !slices.Contains(left, 1) || !slices.IsSortedFunc(left, func(a, b int) int { return b - a }) {
			t.Errorf("progress %v", left)
		}
		if code := q.Wait(10 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// If a client disconnects during a drain, the drain continues.
func TestControlStopAlone(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	held := harness.Hold(t, p, 1)
	c, err := harness.OpenTalk(p.Ctl())
	if err != nil {
		t.Fatal(err)
	}
	c.Say(harness.Fields{"verb": "stop", "drain": true})
	if _, err := c.Hear(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if s := p.Asks("status", nil).Status; s.Phase != "stopping" {
		t.Errorf("%+v", s)
	}
	if _, err := p.Tries("upgrade", nil); err == nil {
		t.Error("a plug that stops is upgraded")
	}
	harness.Finish(held[0])
	if code := p.Wait(10 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestControlConfig(t *testing.T) {
	t.Parallel()
	var targets []string
	for i := range 1000 { // more than fit into one reply
		targets = append(targets, fmt.Sprintf("[fe80:1111:2222:3333:4444:5555:%x:9999%%lo]:65535", i))
	}
	p := harness.Start(t, "pool", harness.WithControl(append([]string{"-k", "-r", "90", "--workers", "2"}, targets...)...)...)
	c, err := harness.OpenTalk(p.Ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Say(harness.Fields{"verb": "config"})
	var got harness.Config
	var listed []string
	for done := false; !done; {
		r, err := c.Hear()
		if err != nil || r.Config == nil {
			t.Fatal(r, err)
		}
		if got.Program == "" {
			got.Program, got.Options = r.Config.Program, r.Config.Options
		}
		got.Args = append(got.Args, r.Config.Args...)
		for _, target := range r.Config.Options["targets"].([]any) {
			listed = append(listed, target.(string))
		}
		done = r.Done
	}
	if got.Program != p.Bin || !slices.Equal(got.Args, p.Args) || !slices.Equal(listed, targets) {
		t.Errorf("%s %q, %d targets", got.Program, got.Args, len(listed))
	}
	for name, want := range map[string]any{"keepalive": true, "retry-after": 90.0, "workers": 2.0, "mode": "pool", "control": "ctl", "user": nil} {
		if got.Options[name] != want {
			t.Errorf("%s is %v, want %v", name, got.Options[name], want)
		}
	}
	if n := len(p.Asks("targets", nil).Targets); n != 1000 {
		t.Errorf("%d targets", n)
	}
}

// After sessions with all outcomes, and upgrades between them, the counters
// are the sums of the session lines.
func TestControlCounters(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		n := harness.Count(3000)
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.WithControl("-a", "127.0.0.0/8", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		for round := range 3 {
			if round > 0 {
				upgradesBy(p, []string{harness.NextVersion, harness.ThisVersion}[round-1])
			}
			if err := inParallel(10, n/3, func(int) error {
				c, err := harness.DialFrom("", p.Addr())
				if err != nil {
					return err
				}
				if err := harness.Ping(c); err != nil {
					return err
				}
				return harness.Finish(c)
			}); err != nil {
				t.Fatal(err)
			}
		}
		total := n / 3 * 3
		in, out, took := int64(0), int64(0), time.Duration(0)
		for _, l := range p.Lines(total) {
			in, out, took = in+l.In, out+l.Out, took+l.Took
		}
		var m *harness.Metrics
		if !harness.HoldsWithin(harness.NormalWait, func() bool { // a line is written before it is counted
			m = p.Asks("metrics", nil).Metrics
			return m.Ended.Of("complete") == uint64(total)
		}) {
			t.Errorf("%v ended, want %d", m.Ended, total)
		}
		if m.Accepted != uint64(total) || m.BytesIn != uint64(in) || m.BytesOut != uint64(out) || m.Sessions != 0 {
			t.Errorf("%+v; the lines have %d sessions, %d and %d bytes", m, total, in, out)
		}
		if m.Durations.Count() != uint64(total) || m.Connects() != uint64(total) {
			t.Errorf("%d durations, %d connect times", m.Durations.Count(), m.Connects())
		}
		if sum, want := m.Durations.Sum, took.Seconds(); sum < want-0.001 || sum > want+float64(total)*1e-6+0.001 {
			t.Errorf("durations sum up to %.6f s, the lines' to %.6f", sum, want)
		}
		if targets := p.Asks("targets", nil).Targets; targets[0].Connects != uint64(total) {
			t.Errorf("%+v", targets)
		}
		if m.Upgrades["done"] != 2 || m.Spawns == 0 || m.StartedUnix < float64(time.Now().Unix()-600) {
			t.Errorf("%+v", m)
		}
	})
}

// inParallel calls do n times, k at a time, and returns the first error.
func inParallel(k, n int, do func(i int) error) error {
	work, errs := make(chan int, n), make(chan error, n+k)
	for i := range n {
		work <- i
	}
	close(work)
	for range k {
		go func() {
			for i := range work {
				errs <- do(i)
			}
		}()
	}
	var all []error
	for range n {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}
