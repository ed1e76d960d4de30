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

	"daemon/plug/test/harness"
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
	*harness.Plug
	root    string // the DESTDIR
	section string
	pids    map[string]string // README's PIDs, and the real ones
	clients map[string]*net.TCPConn
}

// Every command of README's "First use" does what README says, and prints what
// README shows, except for PIDs and times.
func TestReadmeFirstUse(t *testing.T) {
	harness.NeedRoot(t)
	harness.Program(t, "ps")
	harness.Program(t, "service")
	if os.Getenv(harness.InsideEnv) == "" {
		installAsShown(t)
	}
	if !harness.OwnRun(t) {
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
	p.T.Helper()
	if step == "monitor" {
		p.monitor(c)
		return
	}
	p.run(c)
	switch step {
	case "run", "start":
		if !p.Serves() {
			p.T.Fatalf("%q has returned before the plug serves", c.command)
		}
		if step == "run" {
			p.connect()
		}
	case "kill":
		p.ended(killOne.FindStringSubmatch(c.command)[1])
		p.ping()
	case "upgrade":
		if old := p.Master; !p.Serves() || p.Master == old {
			p.T.Errorf("after %q: master %d, before it %d", c.command, p.Master, old)
		}
		p.ping()
	case "stop":
		p.stopped()
	}
}

// stopped checks that the port is free, and that the sessions end on their
// own.
func (p *readmePlug) stopped() {
	p.T.Helper()
	p.ping()
	if !harness.HoldsWithin(harness.NormalWait, func() bool {
		_, err := os.Stat(p.Pidfile)
		return err != nil && !harness.Listening(p.T, 119)
	}) {
		p.T.Error("stopped, but the pidfile is there or the port listens")
	}
	for _, c := range p.clients {
		if err := harness.Finish(c); err != nil {
			p.T.Error(err)
		}
	}
	p.Gone(10 * time.Second)
	if n := len(harness.ParseSessions(p.T, p.Sessions)); n != 3 {
		p.T.Errorf("%d session lines for three sessions", n)
	}
	clear(p.clients)
	p.Pidfile, p.Sessions = "/run/news.pid", "/var/log/news" // those of the service
}

// newReadmePlug creates the hosts that README names.
func newReadmePlug(t *testing.T) *readmePlug {
	t.Helper()
	p := &readmePlug{root: os.Getenv(installedEnv), section: readme(t, "First use"), pids: map[string]string{}, clients: map[string]*net.TCPConn{}}
	p.Plug = &harness.Plug{T: t, Mode: "prefork", Port: 119, Dir: harness.OpenDir(t), Pidfile: "/run/plug.119.pid", Sessions: "/var/log/plug.119", Daemon: true}
	p.Bin = filepath.Join(p.root, "usr/local/sbin/plug")
	t.Cleanup(func() {
		if p.Master != 0 && harness.IsOf(p.Master, p.Bin) {
			syscall.Kill(p.Master, syscall.SIGTERM)
		}
		p.Gone(10 * time.Second)
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
	serveAway(t, target, "10.0.3.1", harness.Echo)
	for from := range p.clients {
		host, _, _ := net.SplitHostPort(from)
		if err := runAll(harness.Program(t, "ip"), "addr replace "+host+"/32 dev lo"); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// connect makes README's clients connect, and send and receive the bytes in
// its session line; it finds out which processes carry them.
func (p *readmePlug) connect() {
	p.T.Helper()
	for from := range p.clients {
		local, err := net.ResolveTCPAddr("tcp", from)
		if err != nil {
			p.T.Fatal(err)
		}
		c, err := net.DialTCP("tcp", local, &net.TCPAddr{IP: net.ParseIP("10.0.3.1"), Port: p.Port})
		if err != nil {
			p.T.Fatal(err)
		}
		p.T.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(harness.TalkBound))
		p.clients[from] = c
		const bytes = 300
		if _, err := c.Write(make([]byte, bytes)); err != nil {
			p.T.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, bytes)); err != nil {
			p.T.Fatal(err)
		}
	}
	for _, m := range titleForm.FindAllStringSubmatch(p.section, -1) {
		if strings.HasSuffix(m[2], " spare") {
			continue
		}
		harness.Await(p.T, fmt.Sprintf("a process %q", m[2]), harness.NormalWait, func() bool {
			i := slices.IndexFunc(p.Procs(), func(q harness.Process) bool { return q.Title == m[2] })
			if i >= 0 {
				p.pids[m[1]] = strconv.Itoa(p.Procs()[i].PID)
			}
			return i >= 0
		})
	}
}

// ended removes the client whose session README has ended, by README's PID.
func (p *readmePlug) ended(pid string) {
	p.T.Helper()
	for _, m := range titleForm.FindAllStringSubmatch(p.section, -1) {
		s := sessionName.FindStringSubmatch(m[2])
		if m[1] != pid || s == nil {
			continue
		}
		if n, err := p.clients[s[1]].Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			p.T.Errorf("the client of %s reads %d bytes, %v; want the end of its session", pid, n, err)
		}
		delete(p.clients, s[1])
		return
	}
	p.T.Errorf("README ends %s, which its ps does not show", pid)
}

// ping checks that the other sessions continue.
func (p *readmePlug) ping() {
	p.T.Helper()
	for _, c := range p.clients {
		harness.MustPing(p.T, c)
	}
}
