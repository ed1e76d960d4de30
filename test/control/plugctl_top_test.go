// Tests of plugctl top in a real terminal (tmux).

package control

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

var topRow = regexp.MustCompile(`^\d+-\d+-\d+ +(?:\d+ +)?(127\.\d+\.\d+\.\d+):\d+ `)

// clients are the addresses of the sessions on the screen, from the top.
func clients(s *harness.Screen) (all []string) {
	s.T.Helper()
	for _, line := range s.Lines() {
		if m := topRow.FindStringSubmatch(line); m != nil {
			all = append(all, m[1])
		}
	}
	return all
}

// sorted waits until the screen's sessions are these, in this order.
func sorted(s *harness.Screen, want []string) {
	s.T.Helper()
	s.Becomes(fmt.Sprintf("sessions of %v", want), func([]string) bool { return slices.Equal(clients(s), want) })
}

// openTop shows a plug's sessions; afterwards the screen shows the terminal's
// state and top's exit status.
func openTop(t testing.TB, p *harness.Plug, flags string) *harness.Screen {
	t.Helper()
	return harness.OpenScreen(t, p.Dir, fmt.Sprintf("%s -s %s top --interval 0.1 --timeout 0.5 %s; echo status $?; stty -a", harness.CtlProgram(t), p.Ctl(), flags))
}

// restored waits until top has ended, and checks that the terminal is as
// before.
func restored(s *harness.Screen, status int) {
	s.T.Helper()
	s.Shows(fmt.Sprintf("^status %d$", status))
	for _, mode := range []string{"icanon", "echo", "isig", "opost"} {
		s.Shows(`(^|\s)` + mode + `(\s|;|$)`)
	}
	if flags := s.Do("display-message", "-p", "#{alternate_on} #{cursor_flag}"); flags != "0 1\n" {
		s.T.Errorf("alternate screen and cursor are %s", flags)
	}
}

// top shows the 20 existing sessions, sorted as requested, in 80×24; the key
// for a kill ends the one under the cursor; top adapts to the window's size.
func TestPlugctlTop(t *testing.T) {
	t.Parallel()
	harness.Program(t, "tmux")
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, harness.WithControl("--max-workers", "60", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		var byAge []string
		held := map[string]*net.TCPConn{}
		for i := range 20 {
			client := fmt.Sprintf("127.0.%d.1", 1+i*7%20)
			c := harness.DialAs(t, client, p.Addr())
			c.SetDeadline(time.Now().Add(3 * time.Minute))
			harness.MustPing(t, c)
			c.Write(make([]byte, (i*3%20)*100)) // so that bytes from the client give another order than age
			held[client], byAge = c, append(byAge, client)
		}
		byClient := slices.SortedFunc(slices.Values(byAge), func(a, b string) int { return compareLength(a, b) })
		byBytes := make([]string, 20)
		for i, client := range byAge {
			byBytes[19-i*3%20] = client
		}
		s := openTop(t, p, "")
		sorted(s, byAge)
		s.Shows(`^20 sessions, `)
		s.Keys("s", "client", "Enter")
		sorted(s, byClient)
		s.Keys("s", "in", "Enter")
		sorted(s, byBytes)
		s.Keys("r")
		slices.Reverse(byBytes)
		sorted(s, byBytes)
		s.Keys("r", "s", "client", "Enter")
		sorted(s, byClient)

		left := endThird(t, s, byClient, held)
		s.Do("resize-window", "-x", "60", "-y", "12")
		sorted(s, left[:8])
		for _, line := range s.Lines() {
			if len(line) > 60 {
				t.Errorf("%d columns: %q", len(line), line)
			}
		}
		s.Do("resize-window", "-x", "80", "-y", "24")
		sorted(s, left)

		s.Keys("/", "client=127.0.5.1", "Enter")
		sorted(s, []string{"127.0.5.1"})
		s.Keys("/", "C-u", "Enter")
		sorted(s, left)
		s.Keys("q")
		restored(s, 0)
	})
}

// endThird ends the third session on the screen, and returns the others.
func endThird(t *testing.T, s *harness.Screen, byClient []string, held map[string]*net.TCPConn) []string {
	t.Helper()
	s.Keys("Home", "Down", "Down", "k")
	s.Shows(`^End session \d+-\d+-\d+, ` + regexp.QuoteMeta(byClient[2]) + `:\d+ to .*\? \(y/n\)`)
	s.Keys("n")
	s.Shows("^nothing was done")
	s.Keys("k")
	s.Shows(`^End session`)
	s.Keys("y")
	left := slices.Delete(slices.Clone(byClient), 2, 3)
	sorted(s, left)
	if err := harness.HungUp(held[byClient[2]]); err != nil {
		t.Errorf("it was ended, and %v", err)
	}
	for _, client := range left {
		if err := pong(held[client]); err != nil {
			t.Errorf("%s: %v", client, err)
		}
	}
	return left
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
	c.SetReadDeadline(time.Now().Add(harness.TalkBound))
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
	harness.Program(t, "tmux")
	addrs := harness.ThreeTargets(t)
	p := harness.Start(t, "prefork", harness.WithControl(addrs...)...)
	s := openTop(t, p, "")
	s.Shows(`^no sessions|^0 sessions, .*targets: 3 good`)
	s.Keys("Tab", "Down", "d")
	s.Shows(`^` + regexp.QuoteMeta(addrs[1]) + ` is disabled`)
	if got := harness.TargetOrder(t, p, 4); strings.Contains(got, "b") {
		t.Errorf("with a disabled target: %s", got)
	}
	s.Keys("e")
	s.Shows(`^` + regexp.QuoteMeta(addrs[1]) + ` is enabled`)
	if got := harness.TargetOrder(t, p, 3); !strings.Contains(got, "b") {
		t.Errorf("with all targets: %s", got)
	}

	harness.StopProcess(t, p.Master)
	s.Shows(`OLD\. NO ANSWER: no answer within 500ms`)
	syscall.Kill(p.Master, syscall.SIGCONT)
	s.Shows(`^0 sessions, `)

	p.Stop()
	s.Shows(`OLD\. NO ANSWER: (no such file|nobody listens)`)
	q := harness.Prepare(t, "prefork", "--control", p.Ctl(), addrs[0])
	q.Foreground()
	s.Shows(`targets: 1 good`)
	s.Shows(fmt.Sprintf(`^plug %d,`, q.Port))

	top := slices.DeleteFunc(harness.ProcessesOf(harness.CtlProgram(t)), func(q harness.Process) bool { return !strings.Contains(q.Title, p.Ctl()) })
	if len(top) != 1 {
		t.Fatalf("%v", top)
	}
	syscall.Kill(top[0].PID, syscall.SIGTERM)
	restored(s, 128+int(syscall.SIGTERM))
}

// Suspended by ^Z, top leaves the terminal to the shell, and takes it back
// when it is continued.
func TestPlugctlTopSuspend(t *testing.T) {
	t.Parallel()
	harness.Program(t, "tmux")
	bash := harness.Program(t, "bash")
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	s := harness.OpenScreen(t, p.Dir, "PS1='> ' "+bash+" --norc --noprofile -i")
	s.Shows(`^>`)
	s.Keys(fmt.Sprintf("cd %s; %s -s ctl top --interval 0.1", p.Dir, harness.CtlProgram(t)), "Enter")
	s.Shows(`^0 sessions, `)
	for range 5 {
		s.Keys("C-z")
		s.Shows(`Stopped`)
		for _, line := range s.Lines() {
			if strings.Contains(line, "sessions") {
				t.Errorf("on the shell's screen stands %q", line)
			}
		}
		s.Keys("clear; fg", "Enter")
		s.Shows(`^0 sessions, `)
	}
	s.Keys("q")
	s.Becomes("the shell's screen", func(lines []string) bool {
		has := func(text string) bool {
			return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) })
		}
		return has("top --interval 0.1") && !has("sessions")
	})
	if flags := s.Do("display-message", "-p", "#{alternate_on} #{cursor_flag}"); flags != "0 1\n" {
		t.Errorf("alternate screen and cursor are %s", flags)
	}
}
