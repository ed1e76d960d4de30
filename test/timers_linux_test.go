// Tests of the timers that end sessions, measured from outside.

package test

import (
	"fmt"
	"io"
	"math"
	"net"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// timed is a way in which a timer ends a session: what the client does, and which session
// results. The client returns between which moments the timer must have started, and when
// its connection ended.
type timed struct {
	name   string
	args   []string
	target func(*net.TCPConn)
	client func(c *net.TCPConn) (span, error)
	code   string
}

// span is what a client saw of a timer: it started between two moments, and ended the
// connection.
type span struct{ earliest, latest, ended time.Time }

// silent is a target that takes nothing until the connection has ended.
func silent(c *net.TCPConn) {
	raw, _ := c.SyscallConn()
	harness.HoldsWithin(time.Minute, func() bool {
		end := true
		raw.Control(func(fd uintptr) { // its peer is gone, or it was closed
			_, err := syscall.Getpeername(int(fd))
			end = err != nil
		})
		return end
	})
}

// unseen is how much later than the plug a busy client may see that bytes have moved.
const unseen = 300 * time.Millisecond

// untilEnd reads to the end of a connection and expects no reset.
func untilEnd(c *net.TCPConn, s span) (span, error) {
	_, err := io.Copy(io.Discard, c)
	s.ended = time.Now()
	return s, err
}

// pings sends a byte through an echo, and then waits for the end.
func pings(c *net.TCPConn) (s span, err error) {
	s.earliest = time.Now()
	if err := harness.Ping(c); err != nil {
		return s, err
	}
	s.latest = time.Now()
	return untilEnd(c, s)
}

// splices sends enough for its directions to splice, then does as pings.
func splices(c *net.TCPConn) (s span, err error) {
	const bulk = 1 << 20
	go c.Write(make([]byte, bulk))
	if _, err := io.CopyN(io.Discard, c, bulk); err != nil {
		return s, err
	}
	return pings(c)
}

// stuffs sends until nothing is taken any more, and waits for the reset.
func stuffs(c *net.TCPConn) (s span, err error) {
	for {
		began := time.Now()
		c.SetWriteDeadline(began.Add(10 * time.Millisecond))
		n, err := c.Write(make([]byte, 64<<10))
		if n > 0 {
			s.earliest, s.latest = began.Add(-unseen), time.Now()
		}
		if timeout, is := err.(net.Error); err != nil && !(is && timeout.Timeout()) {
			s.ended = time.Now()
			return s, nil
		}
	}
}

// halves ends its direction, and waits for the end of the other.
func halves(c *net.TCPConn) (s span, err error) {
	if err := harness.Ping(c); err != nil {
		return s, err
	}
	s.earliest = time.Now()
	c.CloseWrite()
	s.latest = time.Now()
	return untilEnd(c, s)
}

// echoOnly is an echo that does not answer an end.
func echoOnly(c *net.TCPConn) {
	io.Copy(c, c)
	silent(c)
}

// talks moves bytes until the end.
func talks(c *net.TCPConn) (s span, err error) {
	for harness.Ping(c) == nil {
		harness.Passed(20 * time.Millisecond)
	}
	s.ended = time.Now()
	return s, nil
}

// Each timer ends its sessions within [T, 1.25 T] + 100 ms, with its cause, also sessions
// that splice and those whose receiver takes nothing.
func TestTimersEndInTime(t *testing.T) {
	t.Parallel()
	if !harness.SmallBuffers(t) {
		return
	}
	const T = 2 * time.Second
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		if !harness.Soak() { // hundreds of busy sessions at a time would be late themselves
			t.Parallel()
		}
		for _, c := range []timed{
			{"idle", []string{"--idle-timeout=2"}, harness.Echo, pings, "iR"},
			{"splicing", []string{"--idle-timeout=2"}, harness.Echo, splices, "iR"},
			{"stuck", []string{"--idle-timeout=2", "--linger=reset"}, silent, stuffs, "iR"},
			{"half-closed", []string{"--half-closed-timeout=2"}, echoOnly, halves, "hH"},
			{"first byte", []string{"--first-byte-timeout=2"}, silent, func(c *net.TCPConn) (span, error) { return untilEnd(c, span{}) }, "fR"},
			{"lifetime", []string{"--lifetime=2"}, harness.Echo, talks, "lR"},
		} {
			t.Run(c.name, func(t *testing.T) { c.endsInTime(t, mode, T) })
		}
	})
}

// endsInTime runs sessions at the same time and checks each of them.
func (c timed) endsInTime(t *testing.T, mode string, T time.Duration) {
	n := harness.Count(200)
	target := harness.Serve(t, harness.Anywhere, c.target)
	p := harness.Start(t, mode, append(append(c.args, "-d", "--log-format=json"), target.Addr())...)
	var all sync.WaitGroup
	for range n {
		conn := harness.Dial(t, p.Addr())
		all.Go(func() {
			s, err := c.client(conn)
			if err != nil {
				t.Error(err)
				return
			}
			if !s.earliest.IsZero() && (s.ended.Sub(s.earliest) < T || s.ended.Sub(s.latest) > T+T/4+100*time.Millisecond) {
				t.Errorf("ended between %v and %v after the timer had started", s.ended.Sub(s.latest), s.ended.Sub(s.earliest))
			}
		})
	}
	all.Wait()
	for _, l := range p.Ends(n) {
		if l.Code != c.code || l.Outcome != "cut" || l.Status != 3 {
			t.Errorf("%+v, expected %s", l, c.code)
		}
		if took := time.Duration(*l.Duration * 1e6); took < T || c.code[0] == 'f' && took > T+T/4+100*time.Millisecond ||
			c.code[0] == 'l' && took > T+T/4+100*time.Millisecond {
			t.Errorf("%s after %v", l.Code, took)
		}
	}
}

// A session that moves a byte every 0.9 T lives 20 T, with idle and half-closed timers.
func TestSeldomBytesKeepASession(t *testing.T) {
	t.Parallel()
	const T = time.Second
	p := harness.Start(t, "pool", "--idle-timeout=1", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	c := harness.Dial(t, p.Addr())
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	for late, began := 0, time.Now(); time.Since(began) < 20*T; {
		before := time.Now()
		if err := harness.Ping(c); err != nil {
			if gap := time.Since(before); late > 0 {
				t.Skipf("this machine was %v late", gap)
			}
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		harness.Passed(T * 9 / 10)
		if time.Since(before) > T {
			late++
		}
	}
}

// What a session has read before its lifetime ends is delivered whole, both ways, and the
// session line says how much that was. Then both directions end, without a reset.
func TestLifetimeDeliversWhatWasRead(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		n := harness.Count(100)
		received := make(chan int64, n)
		target := harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
			go io.Copy(harness.Plain{Conn: c}, harness.Stream(2)) // until the end
			check := harness.NewChecker(1)
			if _, err := io.Copy(check, slow{c}); err != nil {
				t.Errorf("target: after %d bytes: %v", check.N, err)
			}
			received <- check.N
		})
		p := harness.Start(t, mode, "--lifetime=500ms", target.Addr())
		var all sync.WaitGroup
		for range n {
			c := harness.Dial(t, p.Addr())
			all.Go(func() {
				go io.Copy(harness.Plain{Conn: c}, harness.Stream(1))
				check := harness.NewChecker(2)
				if _, err := io.Copy(check, slow{c}); err != nil {
					t.Errorf("client: after %d bytes: %v", check.N, err)
				}
			})
		}
		all.Wait()
		var sum, in int64
		for range n {
			sum += <-received
		}
		for _, l := range p.Lines(n) {
			in += l.In
		}
		if sum != in || sum == 0 {
			t.Errorf("the targets received %d bytes, the session lines say %d", sum, in)
		}
	})
}

// slow reads at 4 MiB a second at most, so that the plug holds bytes.
type slow struct{ *net.TCPConn }

func (s slow) Read(p []byte) (int, error) {
	harness.Passed(4 * time.Millisecond)
	return s.TCPConn.Read(p[:min(len(p), 16<<10)])
}

// Lifetimes are spread over their jitter.
func TestLifetimesAreSpread(t *testing.T) {
	t.Parallel()
	const n = 60
	p := harness.Start(t, "pool", "-d", "--log-format=json", "--lifetime=2", "--lifetime-jitter=50", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	for _, c := range harness.Hold(t, p, n) {
		defer io.Copy(io.Discard, c)
	}
	harness.Await(t, "all sessions to end", harness.LongWait, func() bool {
		return len(regexp.MustCompile(`"lifetime"`).FindAllString(p.Errors(), -1)) == n
	})
	var sum, squares float64
	for _, l := range p.Ends(n) {
		s := *l.Duration / 1000
		if s < 2 || s > 3+2.0/8+0.1 {
			t.Errorf("%g s, expected 2 to 3 s", s)
		}
		sum, squares = sum+s, squares+s*s
	}
	if spread := math.Sqrt(squares/n - sum/n*sum/n); spread < 0.2 {
		t.Errorf("mean %g s, standard deviation %g s; expected 0.29", sum/n, spread)
	}
}

// A shorter idle timer that comes with a reload ends the sessions that are idle by then.
func TestReloadShortensIdle(t *testing.T) {
	t.Parallel()
	harness.LinuxEngineOnly(t, "it makes a new generation for a change")
	const file = `plug "idle" {
  listen       = ["127.0.0.1:{port}"]
  targets      = [%q]
  mode         = "pool"
  idle-timeout = %q
}
`
	n, target := harness.Count(1000), harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
	p := harness.PrepareFile(t, fmt.Sprintf(file, target, "1h"))
	p.Foreground()
	held := harness.Hold(t, p, n)
	p.Configure(fmt.Sprintf(file, target, "10s"))
	began := time.Now()
	p.Signal(syscall.SIGHUP)
	for _, c := range held {
		if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
			t.Errorf("read %q, %v; expected the end", rest, err)
		}
	}
	took := time.Since(began)
	t.Logf("%d idle sessions ended %v after the reload", n, took)
	if took > 12*time.Second || took < 9*time.Second {
		t.Errorf("ended after %v, expected 10 to 12 s", took)
	}
	p.Lines(n)
}

// Sessions keep their timers when their master is gone.
func TestTimersWithoutAMaster(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartDaemon(t, mode, "--idle-timeout=1", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 3)
		began := time.Now()
		p.Signal(syscall.SIGKILL)
		for _, c := range held {
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("ended after %v", took)
		}
		for _, l := range p.Lines(3) {
			if l.In != 1 || l.Out != 1 {
				t.Errorf("%+v", l)
			}
		}
	})
}
