package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shown is a command that README shows, and what README says that it prints.
type shown struct {
	command string
	output  []string
}

// readme is a section of README, up to the next one.
func readme(t *testing.T, title string) string {
	t.Helper()
	_, section, found := strings.Cut(readString("../README.md"), "\n## "+title+"\n")
	if !found {
		t.Fatalf("README.md has no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

func commandsOf(section string) (all []shown) {
	for line := range strings.Lines(section) {
		line, indented := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "    ")
		command, is := strings.CutPrefix(line, "# ")
		switch {
		case indented && is:
			all = append(all, shown{command: command})
		case indented && len(all) > 0:
			last := &all[len(all)-1]
			last.output = append(last.output, line)
		}
	}
	return all
}

var (
	titleForm   = regexp.MustCompile(`(?m)^ *(\d+) (plug: .*)$`)
	sessionName = regexp.MustCompile(`^plug: 119 (\S+) > (\S+)$`)
)

// readmePlug is the plug of README's "First use", and its clients.
type readmePlug struct {
	*plug
	section string
	pids    map[string]string // README's PIDs, and which they are here
	clients map[string]*net.TCPConn
}

// Every command of README's "First use" does what README says, and prints what
// README shows, except PIDs and times.
func TestReadmeFirstUse(t *testing.T) {
	if !ownRun(t) {
		return
	}
	program(t, "ps")
	if err := unix.Mount("tmpfs", "/var/log", "tmpfs", 0, "mode=755"); err != nil {
		t.Skipf("a /var/log of its own: %v", err)
	}
	p := newReadmePlug(t)
	commands := commandsOf(p.section)
	if len(commands) < 6 || !strings.HasPrefix(commands[0].command, "plug ") || !strings.HasPrefix(commands[len(commands)-1].command, "kill ") {
		t.Fatalf("%q: want the plug's start first and its stop last", commands)
	}
	p.run(commands[0])
	if !p.serves() {
		t.Fatalf("%q has returned before the plug serves", commands[0].command)
	}
	p.connect()
	for _, c := range commands[1:] {
		p.run(c)
		if m := regexp.MustCompile(`^kill (\d+)$`).FindStringSubmatch(c.command); m != nil {
			p.ended(m[1])
			p.ping()
		}
	}
	p.ping()
	if !holdsWithin(5*time.Second, func() bool {
		_, err := os.Stat(p.pidfile)
		return err != nil && !listening(t, 119)
	}) {
		t.Error("stopped, but the pidfile is there or the port listens")
	}
	for _, c := range p.clients {
		if err := finish(c); err != nil {
			t.Error(err)
		}
	}
	p.gone(10 * time.Second)
	if n := len(parseSessions(t, p.sessions)); n != 3 {
		t.Errorf("%d session lines for three sessions", n)
	}
}

// newReadmePlug makes the hosts that README names.
func newReadmePlug(t *testing.T) *readmePlug {
	t.Helper()
	p := &readmePlug{section: readme(t, "First use"), pids: map[string]string{}, clients: map[string]*net.TCPConn{}}
	p.plug = &plug{t: t, mode: "prefork", port: 119, dir: openDir(t), pidfile: "/run/plug.119.pid", sessions: "/var/log/plug.119", daemon: true}
	p.bin = filepath.Join(p.dir, "plug")
	p.install(built)
	t.Cleanup(func() {
		if p.master != 0 && isOf(p.master, p.bin) {
			syscall.Kill(p.master, syscall.SIGTERM)
		}
		p.gone(10 * time.Second)
	})
	target := ""
	for _, m := range titleForm.FindAllStringSubmatch(p.section, -1) {
		if s := sessionName.FindStringSubmatch(m[2]); s != nil {
			p.clients[s[1]], target = nil, s[2]
		}
	}
	if len(p.clients) != 3 {
		t.Fatalf("README's ps shows %d sessions, want 3", len(p.clients))
	}
	serveAway(t, target, "10.0.3.1", echo)
	for from := range p.clients {
		host, _, _ := net.SplitHostPort(from)
		if err := runAll(program(t, "ip"), "addr replace "+host+"/32 dev lo"); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// run runs a command. What shows something is run until it shows what README
// does, since a session is listed 50 ms after its begin.
func (p *readmePlug) run(c shown) {
	p.t.Helper()
	var printed, want []string
	fits := holdsWithin(5*time.Second, func() bool {
		sh := exec.Command("sh", "-c", p.here(c.command))
		sh.Env = append(os.Environ(), "PATH="+p.dir+":"+os.Getenv("PATH"))
		out, err := sh.CombinedOutput()
		if err != nil {
			p.t.Fatalf("%q: %v\n%s", c.command, err, out)
		}
		printed, want = p.comparable(p.ours(strings.Split(string(out), "\n"))), p.comparable(c.output)
		return slices.Equal(printed, want) || len(c.output) == 0
	})
	if !fits || len(c.output) == 0 && len(printed) > 0 {
		p.t.Errorf("%q prints\n  %s\nREADME has\n  %s", c.command, strings.Join(printed, "\n  "), strings.Join(want, "\n  "))
	}
}

// here is a text of README with the PIDs that they are here.
func (p *readmePlug) here(text string) string {
	return regexp.MustCompile(`\b\d+\b`).ReplaceAllStringFunc(text, func(number string) string {
		if pid := p.pids[number]; pid != "" {
			return pid
		}
		return number
	})
}

var (
	timeForm  = regexp.MustCompile(`^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (.*) \d+$`)
	psForm    = regexp.MustCompile(`^ *(\d+) \S`)
	noSyslog  = regexp.MustCompile(`^plug: syslog /dev/log: `) // a container without one
	spareForm = regexp.MustCompile(`^\d+ (plug: 119 spare)$`)
)

// ours are the lines without the processes of other plugs, which ps shows too,
// and without what is said where there is no syslog.
func (p *readmePlug) ours(lines []string) []string {
	own := map[string]bool{}
	for _, q := range p.procs() {
		own[strconv.Itoa(q.pid)] = true
	}
	return slices.DeleteFunc(lines, func(line string) bool {
		m := psForm.FindStringSubmatch(line)
		return m != nil && !own[m[1]] || noSyslog.MatchString(line)
	})
}

// comparable are lines without what differs from run to run: times, the PIDs of
// spares, and the order behind the first line.
func (p *readmePlug) comparable(lines []string) (some []string) {
	for _, line := range lines {
		line = strings.Join(strings.Fields(p.here(line)), " ")
		line = timeForm.ReplaceAllString(line, "[TIME] $1 MICROSECONDS")
		if line = spareForm.ReplaceAllString(line, "$1"); line != "" {
			some = append(some, line)
		}
	}
	slices.Sort(some[min(1, len(some)):])
	return some
}

// connect has README's clients connect, and send and receive what its session
// line says; it finds out which processes carry them.
func (p *readmePlug) connect() {
	p.t.Helper()
	for from := range p.clients {
		local, err := net.ResolveTCPAddr("tcp", from)
		if err != nil {
			p.t.Fatal(err)
		}
		c, err := net.DialTCP("tcp", local, &net.TCPAddr{IP: net.ParseIP("10.0.3.1"), Port: p.port})
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(talkBound))
		p.clients[from] = c
		const bytes = 300
		if _, err := c.Write(make([]byte, bytes)); err != nil {
			p.t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, bytes)); err != nil {
			p.t.Fatal(err)
		}
	}
	for _, m := range titleForm.FindAllStringSubmatch(p.section, -1) {
		if strings.HasSuffix(m[2], " spare") {
			continue
		}
		await(p.t, fmt.Sprintf("a process %q", m[2]), 5*time.Second, func() bool {
			i := slices.IndexFunc(p.procs(), func(q process) bool { return q.title == m[2] })
			if i >= 0 {
				p.pids[m[1]] = strconv.Itoa(p.procs()[i].pid)
			}
			return i >= 0
		})
	}
}

// ended forgets the client whose session README has ended, by README's PID.
func (p *readmePlug) ended(pid string) {
	p.t.Helper()
	for _, m := range titleForm.FindAllStringSubmatch(p.section, -1) {
		s := sessionName.FindStringSubmatch(m[2])
		if m[1] != pid || s == nil {
			continue
		}
		if n, err := p.clients[s[1]].Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			p.t.Errorf("the client of %s reads %d bytes, %v; want the end of its session", pid, n, err)
		}
		delete(p.clients, s[1])
		return
	}
	p.t.Errorf("README ends %s, which its ps does not show", pid)
}

// ping finds that the other sessions go on.
func (p *readmePlug) ping() {
	p.t.Helper()
	for _, c := range p.clients {
		mustPing(p.t, c)
	}
}
