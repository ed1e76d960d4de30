// Tests of records: syslog, session lines, debug messages, rotation.

package test

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// Without -l, syslog has no records of connections.
func TestQuietWithoutLog(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.StartDaemon(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		for range 10 {
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			harness.Finish(c)
		}
		p.Lines(10)
		p.Stop()
		if got := p.Syslog.All(); len(got) > 0 {
			t.Errorf("syslog: %v", got)
		}
	})
}

// A syslog daemon on another host gets the same by UDP, with the host's name,
// in the format of a relay (RFC 3164, 4.1).
func TestSyslogByUDP(t *testing.T) {
	t.Parallel()
	c, err := net.ListenPacket("udp4", harness.Anywhere)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(harness.TalkBound))
	p := harness.Start(t, "prefork", "--syslog", "udp://"+c.LocalAddr().String(), "-l", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	conn := harness.Dial(t, p.Addr())
	harness.MustPing(t, conn)
	harness.Finish(conn)
	pid := p.Lines(1)[0].PID
	for _, want := range []string{
		fmt.Sprintf(`plug\[%d\]: \(%d\): Plugdaemon started\.`, p.Master, p.Port),
		fmt.Sprintf(`plug\[%d\]: \(%d\): Connect from 127\.0\.0\.1 to 127\.0\.0\.1`, pid, p.Port),
		fmt.Sprintf(`plug\[%d\]: \(%d\): Complete\.`, pid, p.Port),
	} {
		form := regexp.MustCompile(`^<29>[A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d \S+ ` + want + `\n?$`)
		buf := make([]byte, 2048)
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatalf("waiting for %s: %v", want, err)
		}
		if !form.Match(buf[:n]) {
			t.Errorf("datagram %q, want %s", buf[:n], form)
		}
	}
}

// LISTEN, TAG, PEER and TARGET for every form of the source.
func TestForms(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		six := harness.Serve(t, "[::1]:0", harness.Echo)
		four := harness.Serve(t, harness.Anywhere, harness.Echo)
		for _, c := range []struct {
			source []string
			target *harness.Backend
			host   string // to connect to
			listen string
			tag    string
		}{
			{[]string{"{port}"}, four, "127.0.0.1", "%d", "(%d)"},
			{[]string{"-i", "127.0.0.1", "{port}"}, four, "127.0.0.1", "127.0.0.1:%d", "(127.0.0.1 %d)"},
			{[]string{"127.0.0.1:{port}"}, four, "127.0.0.1", "127.0.0.1:%d", "(127.0.0.1 %d)"},
			{[]string{"[::1]:{port}"}, six, "::1", "[::1]:%d", "(::1 %d)"},
			{[]string{":{port}"}, six, "127.0.0.1", "%d", "(%d)"},
			{[]string{"*:{port}"}, four, "::1", "%d", "(%d)"},
		} {
			p := harness.Start(t, mode, append(c.source, "-l", c.target.Addr())...)
			conn := harness.Dial(t, net.JoinHostPort(c.host, strconv.Itoa(p.Port)))
			harness.MustPing(t, conn)
			harness.Finish(conn)
			l := p.Lines(1)[0]
			if l.Listen != fmt.Sprintf(c.listen, p.Port) || l.Peer != c.host || l.Target != c.target.Addr() {
				t.Errorf("%v: session line %+v", c.source, l)
			}
			to := c.target.Listener.Addr().(*net.TCPAddr).IP.String()
			tag := fmt.Sprintf(c.tag, p.Port)
			p.Syslog.Await(t, regexp.QuoteMeta(tag+": Connect from "+c.host+" to "+to))
			p.Syslog.Await(t, regexp.QuoteMeta(tag+": Complete."))
			p.Stop()
		}
	})
}

// -S - is stdout, and implies -n.
func TestSessionLinesOnStdout(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Prepare(t, mode, "-S", "-", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		p.Launch()
		harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
		p.Sessions = p.Stdout
		for i := range 3 {
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			harness.Finish(c)
			p.Lines(i + 1)
		}
		if p.HasExited() {
			t.Error("-S - left the foreground")
		}
	})
}

// -d implies -n and logs to stderr; -dd logs more about the same traffic.
func TestDebug(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		said := map[string]int{}
		for _, d := range []string{"", "-d", "-dd"} {
			args := []string{harness.Serve(t, harness.Anywhere, harness.Echo).Addr()}
			if d != "" {
				args = append(args, d)
			} else {
				args = append(args, "-n")
			}
			p := harness.Prepare(t, mode, args...)
			p.Launch()
			harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
			for range 20 {
				c := harness.Dial(t, p.Addr())
				harness.MustPing(t, c)
				harness.Finish(c)
			}
			p.Lines(20)
			if p.HasExited() {
				t.Errorf("%s left the foreground", d)
			}
			p.Stop()
			said[d] = strings.Count(p.Errors(), "\n")
			if out := harness.ReadString(p.Stdout); out != "" {
				t.Errorf("%s on stdout: %q", d, out)
			}
		}
		if said[""] >= said["-d"] || said["-d"] >= said["-dd"] || said["-d"] < 20 {
			t.Errorf("lines on stderr: %v", said)
		}
	})
}

// A log line is text, or with --log-format json one object per line.
func TestLogFormat(t *testing.T) {
	t.Parallel()
	for format, form := range map[string]string{
		"text": `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* \[(DEBUG|TRACE|INFO|WARN|ERROR)\] .*$`,
		"json": `^\{"@level":.*\}$`,
	} {
		re := regexp.MustCompile(form)
		p := harness.Start(t, "prefork", "-d", "--log-format", format, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		c := harness.Dial(t, p.Addr())
		harness.MustPing(t, c)
		harness.Finish(c)
		p.Lines(1)
		p.Stop()
		for line := range strings.Lines(p.Errors()) {
			if !re.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s: %q", format, line)
			}
		}
	}
}

// The session file may be rotated at any time: within a second, or at once
// with HUP or USR1, there is a new one for the lines, and none is lost.
func TestSessionFileRotation(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		session := func() {
			t.Helper()
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			if err := harness.Finish(c); err != nil {
				t.Fatal(err)
			}
		}
		for i, how := range []syscall.Signal{0, syscall.SIGHUP, syscall.SIGUSR1} {
			session()
			p.Lines(1)
			stays := harness.Dial(t, p.Addr())
			harness.MustPing(t, stays)
			old := fmt.Sprintf("%s.%d", p.Sessions, i)
			if err := os.Rename(p.Sessions, old); err != nil {
				t.Fatal(err)
			}
			bound := 1500 * time.Millisecond
			if how != 0 {
				p.Signal(how)
				bound = 500 * time.Millisecond
			}
			harness.Await(t, fmt.Sprintf("a new session file (signal %d)", how), bound, func() bool {
				_, err := os.Stat(p.Sessions)
				return err == nil
			})
			// A worker that has not been told yet writes to the old one; but
			// soon all write to the new one, even one that was busy all the
			// time.
			ended := 1
			harness.Await(t, "four lines in the new file", harness.NormalWait, func() bool {
				session()
				ended++
				return len(harness.ParseSessions(t, p.Sessions)) >= 4
			})
			before := len(linesOf(p, p.Sessions, old, ended))
			harness.Finish(stays)
			if linesOf(p, p.Sessions, old, ended+1); len(harness.ParseSessions(t, p.Sessions)) != before+1 {
				t.Errorf("the line of the session that stayed went to the old file")
			}
			if err := os.Truncate(p.Sessions, 0); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// linesOf waits for n lines in both files together, and returns the first
// one's.
func linesOf(p *harness.Plug, path, old string, n int) (lines []harness.SessionLine) {
	p.T.Helper()
	harness.Await(p.T, fmt.Sprintf("%d lines in the old and the new file", n), harness.NormalWait, func() bool {
		lines = harness.ParseSessions(p.T, path)
		return len(lines)+len(harness.ParseSessions(p.T, old)) == n
	})
	return lines
}

// Lines of many workers do not interrupt each other.
func TestSessionLinesAreWhole(t *testing.T) {
	t.Parallel()
	n := harness.Count(5000)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		if mode == "fork" {
			n = n / 5
		}
		p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Greet("x")).Addr())
		flood(t, p, n)
		for _, l := range p.Lines(n) {
			if l.In != 0 || l.Out != 2 {
				t.Fatalf("session line %+v", l)
			}
		}
	})
}
