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
)

// Without -l, syslog has no records of connections.
func TestQuietWithoutLog(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := startDaemon(t, mode, serve(t, anywhere, echo).addr())
		for range 10 {
			c := dial(t, p.addr())
			mustPing(t, c)
			finish(c)
		}
		p.lines(10)
		p.stop()
		if got := p.syslog.all(); len(got) > 0 {
			t.Errorf("syslog: %v", got)
		}
	})
}

// A syslog daemon on another host gets the same by UDP, with the host's name,
// in the format of a relay (RFC 3164, 4.1).
func TestSyslogByUDP(t *testing.T) {
	c, err := net.ListenPacket("udp4", anywhere)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(talkBound))
	p := start(t, "prefork", "--syslog", "udp://"+c.LocalAddr().String(), "-l", serve(t, anywhere, echo).addr())
	conn := dial(t, p.addr())
	mustPing(t, conn)
	finish(conn)
	pid := p.lines(1)[0].pid
	for _, want := range []string{
		fmt.Sprintf(`plug\[%d\]: \(%d\): Plugdaemon started\.`, p.master, p.port),
		fmt.Sprintf(`plug\[%d\]: \(%d\): Connect from 127\.0\.0\.1 to 127\.0\.0\.1`, pid, p.port),
		fmt.Sprintf(`plug\[%d\]: \(%d\): Complete\.`, pid, p.port),
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
	forEachMode(t, func(t *testing.T, mode string) {
		six := serve(t, "[::1]:0", echo)
		four := serve(t, anywhere, echo)
		for _, c := range []struct {
			source []string
			target *backend
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
			p := start(t, mode, append(c.source, "-l", c.target.addr())...)
			conn := dial(t, net.JoinHostPort(c.host, strconv.Itoa(p.port)))
			mustPing(t, conn)
			finish(conn)
			l := p.lines(1)[0]
			if l.listen != fmt.Sprintf(c.listen, p.port) || l.peer != c.host || l.target != c.target.addr() {
				t.Errorf("%v: session line %+v", c.source, l)
			}
			to := c.target.ln.Addr().(*net.TCPAddr).IP.String()
			tag := fmt.Sprintf(c.tag, p.port)
			p.syslog.await(t, regexp.QuoteMeta(tag+": Connect from "+c.host+" to "+to))
			p.syslog.await(t, regexp.QuoteMeta(tag+": Complete."))
			p.stop()
		}
	})
}

// -S - is stdout, and implies -n.
func TestSessionLinesOnStdout(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := prepare(t, mode, "-S", "-", serve(t, anywhere, echo).addr())
		p.launch()
		await(t, "the plug to serve", serveBound, p.serves)
		p.sessions = p.stdout
		for i := range 3 {
			c := dial(t, p.addr())
			mustPing(t, c)
			finish(c)
			p.lines(i + 1)
		}
		if p.hasExited() {
			t.Error("-S - left the foreground")
		}
	})
}

// -d implies -n and logs to stderr; -dd logs more about the same traffic.
func TestDebug(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		said := map[string]int{}
		for _, d := range []string{"", "-d", "-dd"} {
			args := []string{serve(t, anywhere, echo).addr()}
			if d != "" {
				args = append(args, d)
			} else {
				args = append(args, "-n")
			}
			p := prepare(t, mode, args...)
			p.launch()
			await(t, "the plug to serve", serveBound, p.serves)
			for range 20 {
				c := dial(t, p.addr())
				mustPing(t, c)
				finish(c)
			}
			p.lines(20)
			if p.hasExited() {
				t.Errorf("%s left the foreground", d)
			}
			p.stop()
			said[d] = strings.Count(p.errors(), "\n")
			if out := readString(p.stdout); out != "" {
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
		p := start(t, "prefork", "-d", "--log-format", format, serve(t, anywhere, echo).addr())
		c := dial(t, p.addr())
		mustPing(t, c)
		finish(c)
		p.lines(1)
		p.stop()
		for line := range strings.Lines(p.errors()) {
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
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, serve(t, anywhere, echo).addr())
		session := func() {
			t.Helper()
			c := dial(t, p.addr())
			mustPing(t, c)
			if err := finish(c); err != nil {
				t.Fatal(err)
			}
		}
		for i, how := range []syscall.Signal{0, syscall.SIGHUP, syscall.SIGUSR1} {
			session()
			p.lines(1)
			stays := dial(t, p.addr())
			mustPing(t, stays)
			old := fmt.Sprintf("%s.%d", p.sessions, i)
			if err := os.Rename(p.sessions, old); err != nil {
				t.Fatal(err)
			}
			bound := 1500 * time.Millisecond
			if how != 0 {
				p.signal(how)
				bound = 500 * time.Millisecond
			}
			await(t, fmt.Sprintf("a new session file (signal %d)", how), bound, func() bool {
				_, err := os.Stat(p.sessions)
				return err == nil
			})
			// A worker that has not been told yet writes to the old one; but
			// soon all write to the new one, even one that was busy all the
			// time.
			ended := 1
			await(t, "four lines in the new file", normalWait, func() bool {
				session()
				ended++
				return len(parseSessions(t, p.sessions)) >= 4
			})
			before := len(p.linesOf(p.sessions, old, ended))
			finish(stays)
			if p.linesOf(p.sessions, old, ended+1); len(parseSessions(t, p.sessions)) != before+1 {
				t.Errorf("the line of the session that stayed went to the old file")
			}
			if err := os.Truncate(p.sessions, 0); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// linesOf waits for n lines in both files together, and returns the first
// one's.
func (p *plug) linesOf(path, old string, n int) (lines []sessionLine) {
	p.t.Helper()
	await(p.t, fmt.Sprintf("%d lines in the old and the new file", n), normalWait, func() bool {
		lines = parseSessions(p.t, path)
		return len(lines)+len(parseSessions(p.t, old)) == n
	})
	return lines
}

// Lines of many workers do not interrupt each other.
func TestSessionLinesAreWhole(t *testing.T) {
	t.Parallel()
	n := count(5000)
	forEachMode(t, func(t *testing.T, mode string) {
		if mode == "fork" {
			n = n / 5
		}
		p := start(t, mode, serve(t, anywhere, greet("x")).addr())
		flood(t, p, n)
		for _, l := range p.lines(n) {
			if l.in != 0 || l.out != 2 {
				t.Fatalf("session line %+v", l)
			}
		}
	})
}
