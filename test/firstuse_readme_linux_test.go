// TestReadmeFirstUse: README's commands print what README shows.

package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	titleForm   = regexp.MustCompile(`(?m)^ *(\d+) (plug: .*)$`)
	sessionName = regexp.MustCompile(`^plug: 119 (\S+) > (\S+)$`)
	killOne     = regexp.MustCompile(`^kill (\d+)$`)
)

// installedEnv passes what make has installed to the run of the test inside
// its namespaces.
const installedEnv = "PLUG_TEST_INSTALLED"

// readmePlug is the plug of README's "First use", with its clients.
type readmePlug struct {
	*plug
	root    string // the DESTDIR
	section string
	pids    map[string]string // README's PIDs, and the real ones
	clients map[string]*net.TCPConn
}

// Every command of README's "First use" does what README says, and prints what
// README shows, except for PIDs and times.
func TestReadmeFirstUse(t *testing.T) {
	needRoot(t)
	program(t, "ps")
	program(t, "service")
	if os.Getenv(insideEnv) == "" {
		installAsShown(t)
	}
	if !ownRun(t) {
		return
	}
	ownEtc(t)
	p := newReadmePlug(t)
	steps := map[string]int{}
	for i, c := range commandsOf(p.section) {
		step := stepOf(c.command)
		steps[step]++
		if step == "make" {
			if i > 0 {
				t.Errorf("%q: the installation must come first", c.command)
			}
			continue // it was run outside
		}
		p.step(step, c)
	}
	for _, step := range []string{"make", "run", "kill", "upgrade", "stop", "install", "start", "monitor"} {
		if steps[step] != 1 {
			t.Errorf("README shows %q %d times; must be once", step, steps[step])
		}
	}
	if steps["look"] < 5 {
		t.Errorf("README looks at the plug %d times; expected ps, sessions, pidfile (twice), session log", steps["look"])
	}
}

// stepOf is the step of the recipe to which a command belongs.
func stepOf(command string) string {
	for _, step := range []struct{ name, form string }{
		{"make", `^make && make install$`}, {"run", `^plug `}, {"kill", killOne.String()}, {"upgrade", `^plugctl upgrade$`},
		{"stop", `^kill \$\(head -n 1 `}, {"install", `^plugctl service install `}, {"start", `^plugctl service start `}, {"monitor", ` &$`},
	} {
		if regexp.MustCompile(step.form).MatchString(command) {
			return step.name
		}
	}
	return "look"
}

// step runs a command, and checks that it has done what README says.
func (p *readmePlug) step(step string, c shown) {
	p.t.Helper()
	if step == "monitor" {
		p.monitor(c)
		return
	}
	p.run(c)
	switch step {
	case "run", "start":
		if !p.serves() {
			p.t.Fatalf("%q has returned before the plug serves", c.command)
		}
		if step == "run" {
			p.connect()
		}
	case "kill":
		p.ended(killOne.FindStringSubmatch(c.command)[1])
		p.ping()
	case "upgrade":
		if old := p.master; !p.serves() || p.master == old {
			p.t.Errorf("after %q: master %d, before it %d", c.command, p.master, old)
		}
		p.ping()
	case "stop":
		p.stopped()
	}
}

// stopped checks that the port is free, and that the sessions end on their
// own.
func (p *readmePlug) stopped() {
	p.t.Helper()
	p.ping()
	if !holdsWithin(normalWait, func() bool {
		_, err := os.Stat(p.pidfile)
		return err != nil && !listening(p.t, 119)
	}) {
		p.t.Error("stopped, but the pidfile is there or the port listens")
	}
	for _, c := range p.clients {
		if err := finish(c); err != nil {
			p.t.Error(err)
		}
	}
	p.gone(10 * time.Second)
	if n := len(parseSessions(p.t, p.sessions)); n != 3 {
		p.t.Errorf("%d session lines for three sessions", n)
	}
	clear(p.clients)
	p.pidfile, p.sessions = "/run/news.pid", "/var/log/news" // those of the service
}

// newReadmePlug creates the hosts that README names.
func newReadmePlug(t *testing.T) *readmePlug {
	t.Helper()
	p := &readmePlug{root: os.Getenv(installedEnv), section: readme(t, "First use"), pids: map[string]string{}, clients: map[string]*net.TCPConn{}}
	p.plug = &plug{t: t, mode: "prefork", port: 119, dir: openDir(t), pidfile: "/run/plug.119.pid", sessions: "/var/log/plug.119", daemon: true}
	p.bin = filepath.Join(p.root, "usr/local/sbin/plug")
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

// connect makes README's clients connect, and send and receive the bytes in
// its session line; it finds out which processes carry them.
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
		await(p.t, fmt.Sprintf("a process %q", m[2]), normalWait, func() bool {
			i := slices.IndexFunc(p.procs(), func(q process) bool { return q.title == m[2] })
			if i >= 0 {
				p.pids[m[1]] = strconv.Itoa(p.procs()[i].pid)
			}
			return i >= 0
		})
	}
}

// ended removes the client whose session README has ended, by README's PID.
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

// ping checks that the other sessions continue.
func (p *readmePlug) ping() {
	p.t.Helper()
	for _, c := range p.clients {
		mustPing(p.t, c)
	}
}
