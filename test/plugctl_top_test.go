// Tests of plugctl top in a real terminal (tmux).

package test

import (
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// screen is a terminal of tmux, on its own server.
type screen struct {
	t    testing.TB
	tmux string
	name string
}

// openScreen runs a shell command on a screen of 80×24, which remains when the
// command has ended.
func openScreen(t testing.TB, dir, command string) *screen {
	t.Helper()
	s := &screen{t, program(t, "tmux"), dir + "/tmux"}
	s.do("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", command+"; cat")
	t.Cleanup(func() { s.do("kill-server") })
	return s
}

func (s *screen) do(args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.tmux, append([]string{"-S", s.name}, args...)...)
	cmd.Env = []string{"TERM=screen", "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "SHELL=/bin/sh"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (s *screen) keys(keys ...string) { s.t.Helper(); s.do(append([]string{"send-keys"}, keys...)...) }

func (s *screen) lines() []string {
	s.t.Helper()
	return strings.Split(strings.TrimSuffix(s.do("capture-pane", "-p"), "\n"), "\n")
}

// shows waits until a line matches.
func (s *screen) shows(pattern string) {
	s.t.Helper()
	s.becomes(pattern, func(lines []string) bool { return slices.ContainsFunc(lines, regexp.MustCompile(pattern).MatchString) })
}

func (s *screen) becomes(what string, cond func(lines []string) bool) {
	s.t.Helper()
	if !holdsWithin(talkBound, func() bool { return cond(s.lines()) }) {
		s.t.Fatalf("waited %v in vain for %s on\n%s", talkBound, what, strings.Join(s.lines(), "\n"))
	}
}

var topRow = regexp.MustCompile(`^\d+-\d+-\d+ +(?:\d+ +)?(127\.\d+\.\d+\.\d+):\d+ `)

// clients are the addresses of the sessions on the screen, from the top.
func (s *screen) clients() (all []string) {
	s.t.Helper()
	for _, line := range s.lines() {
		if m := topRow.FindStringSubmatch(line); m != nil {
			all = append(all, m[1])
		}
	}
	return all
}

// sorted waits until the screen's sessions are these, in this order.
func (s *screen) sorted(want []string) {
	s.t.Helper()
	s.becomes(fmt.Sprintf("sessions of %v", want), func([]string) bool { return slices.Equal(s.clients(), want) })
}

// openTop shows a plug's sessions; afterwards the screen shows the terminal's
// state and top's exit status.
func openTop(t testing.TB, p *plug, flags string) *screen {
	t.Helper()
	return openScreen(t, p.dir, fmt.Sprintf("%s -s %s top --interval 0.1 --timeout 0.5 %s; echo status $?; stty -a", ctlProgram(t), p.ctl(), flags))
}

// restored waits until top has ended, and checks that the terminal is as
// before.
func (s *screen) restored(status int) {
	s.t.Helper()
	s.shows(fmt.Sprintf("^status %d$", status))
	for _, mode := range []string{"icanon", "echo", "isig", "opost"} {
		s.shows(`(^|\s)` + mode + `(\s|;|$)`)
	}
	if flags := s.do("display-message", "-p", "#{alternate_on} #{cursor_flag}"); flags != "0 1\n" {
		s.t.Errorf("alternate screen and cursor are %s", flags)
	}
}

// top shows the 20 existing sessions, sorted as requested, in 80×24; the key
// for a kill ends the one under the cursor; top adapts to the window's size.
func TestPlugctlTop(t *testing.T) {
	t.Parallel()
	program(t, "tmux")
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, withControl("--max-workers", "60", serve(t, anywhere, echo).addr())...)
		var byAge []string
		held := map[string]*net.TCPConn{}
		for i := range 20 {
			client := fmt.Sprintf("127.0.%d.1", 1+i*7%20)
			c := dialAs(t, client, p.addr())
			c.SetDeadline(time.Now().Add(3 * time.Minute))
			mustPing(t, c)
			c.Write(make([]byte, (i*3%20)*100)) // so that bytes from the client give another order than age
			held[client], byAge = c, append(byAge, client)
		}
		byClient := slices.SortedFunc(slices.Values(byAge), func(a, b string) int { return compareLength(a, b) })
		byBytes := make([]string, 20)
		for i, client := range byAge {
			byBytes[19-i*3%20] = client
		}
		s := openTop(t, p, "")
		s.sorted(byAge)
		s.shows(`^20 sessions, `)
		s.keys("s", "client", "Enter")
		s.sorted(byClient)
		s.keys("s", "in", "Enter")
		s.sorted(byBytes)
		s.keys("r")
		slices.Reverse(byBytes)
		s.sorted(byBytes)
		s.keys("r", "s", "client", "Enter")
		s.sorted(byClient)

		s.keys("Home", "Down", "Down", "k")
		s.shows(`^End session \d+-\d+-\d+, ` + regexp.QuoteMeta(byClient[2]) + `:\d+ to .*\? \(y/n\)`)
		s.keys("n")
		s.shows("^nothing was done")
		s.keys("k")
		s.shows(`^End session`)
		s.keys("y")
		left := slices.Delete(slices.Clone(byClient), 2, 3)
		s.sorted(left)
		if err := hungUp(held[byClient[2]]); err != nil {
			t.Errorf("it was ended, and %v", err)
		}
		for _, client := range left {
			if err := pong(held[client]); err != nil {
				t.Errorf("%s: %v", client, err)
			}
		}

		s.do("resize-window", "-x", "60", "-y", "12")
		s.sorted(left[:8])
		for _, line := range s.lines() {
			if len(line) > 60 {
				t.Errorf("%d columns: %q", len(line), line)
			}
		}
		s.do("resize-window", "-x", "80", "-y", "24")
		s.sorted(left)

		s.keys("/", "client=127.0.5.1", "Enter")
		s.sorted([]string{"127.0.5.1"})
		s.keys("/", "C-u", "Enter")
		s.sorted(left)
		s.keys("q")
		s.restored(0)
	})
}

// compareLength sorts 127.0.2.1 before 127.0.10.1.
func compareLength(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// pong reads everything that an echo has been sent, and one more byte.
func pong(c *net.TCPConn) error {
	c.SetReadDeadline(time.Now().Add(talkBound))
	if _, err := c.Write([]byte{'!'}); err != nil {
		return err
	}
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err != nil {
			return err
		}
		if b[n-1] == '!' {
			return nil
		}
	}
}

// Keys change the state of targets; the screen shows when the daemon does not
// answer, and when it is back; a signal restores the terminal.
func TestPlugctlTopAway(t *testing.T) {
	t.Parallel()
	program(t, "tmux")
	addrs := three(t)
	p := start(t, "prefork", withControl(addrs...)...)
	s := openTop(t, p, "")
	s.shows(`^no sessions|^0 sessions, .*targets: 3 good`)
	s.keys("Tab", "Down", "d")
	s.shows(`^` + regexp.QuoteMeta(addrs[1]) + ` is disabled`)
	if got := order(t, p, 4); strings.Contains(got, "b") {
		t.Errorf("with a disabled target: %s", got)
	}
	s.keys("e")
	s.shows(`^` + regexp.QuoteMeta(addrs[1]) + ` is enabled`)
	if got := order(t, p, 3); !strings.Contains(got, "b") {
		t.Errorf("with all targets: %s", got)
	}

	stopProcess(t, p.master)
	s.shows(`OLD\. NO ANSWER: no answer within 500ms`)
	syscall.Kill(p.master, syscall.SIGCONT)
	s.shows(`^0 sessions, `)

	p.stop()
	s.shows(`OLD\. NO ANSWER: (no such file|nobody listens)`)
	q := prepare(t, "prefork", "--control", p.ctl(), addrs[0])
	q.foreground()
	s.shows(`targets: 1 good`)
	s.shows(fmt.Sprintf(`^plug %d,`, q.port))

	top := slices.DeleteFunc(processesOf(ctlProgram(t)), func(q process) bool { return !strings.Contains(q.title, p.ctl()) })
	if len(top) != 1 {
		t.Fatalf("%v", top)
	}
	syscall.Kill(top[0].pid, syscall.SIGTERM)
	s.restored(128 + int(syscall.SIGTERM))
}

// Suspended by ^Z, top leaves the terminal to the shell, and takes it back
// when it is continued.
func TestPlugctlTopSuspend(t *testing.T) {
	program(t, "tmux")
	bash := program(t, "bash")
	p := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	s := openScreen(t, p.dir, "PS1='> ' "+bash+" --norc --noprofile -i")
	s.shows(`^>`)
	s.keys(fmt.Sprintf("cd %s; %s -s ctl top --interval 0.1", p.dir, ctlProgram(t)), "Enter")
	s.shows(`^0 sessions, `)
	for range 5 {
		s.keys("C-z")
		s.shows(`Stopped`)
		for _, line := range s.lines() {
			if strings.Contains(line, "sessions") {
				t.Errorf("on the shell's screen stands %q", line)
			}
		}
		s.keys("clear; fg", "Enter")
		s.shows(`^0 sessions, `)
	}
	s.keys("q")
	s.becomes("the shell's screen", func(lines []string) bool {
		has := func(text string) bool {
			return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) })
		}
		return has("top --interval 0.1") && !has("sessions")
	})
	if flags := s.do("display-message", "-p", "#{alternate_on} #{cursor_flag}"); flags != "0 1\n" {
		t.Errorf("alternate screen and cursor are %s", flags)
	}
}
