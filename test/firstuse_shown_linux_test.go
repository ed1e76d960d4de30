// README's commands and outputs: parsing, running and comparing them.

package test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// shown is a command in README, with its output in README.
type shown struct {
	command string
	output  []string
}

// readme is a section of README.
func readme(t *testing.T, title string) string {
	t.Helper()
	_, section, found := strings.Cut(harness.ReadString("../README.md"), "\n## "+title+"\n")
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

// installAsShown runs README's first command, which installs, below a DESTDIR.
// It runs outside of any namespace: make may have to download a module.
func installAsShown(t *testing.T) {
	t.Helper()
	harness.Program(t, "make")
	c, root := commandsOf(readme(t, "First use"))[0], harness.OpenDir(t)
	if stepOf(c.command) != "make" {
		t.Fatalf("README begins with %q; expected the installation", c.command)
	}
	said := mustRun(t, tree(t), []string{"DESTDIR=" + root}, "sh", "-c", c.command)
	lines := strings.Split(strings.ReplaceAll(said, root, ""), "\n")
	for _, line := range c.output {
		if line != "..." && !slices.Contains(lines, line) {
			t.Errorf("%q does not print %q but\n%s", c.command, line, said)
		}
	}
	t.Setenv(installedEnv, root)
}

// ownEtc mounts empty directories over those for session logs and for services
// of a System V init.
func ownEtc(t *testing.T) {
	t.Helper()
	for _, d := range append([]string{"/var/log"}, harness.SystemDirs...) {
		if !strings.HasPrefix(d, "/etc/") && d != "/var/log" {
			continue
		}
		if err := unix.Mount("tmpfs", d, "tmpfs", 0, "mode=755"); err != nil && (d == "/var/log" || d == "/etc/init.d" || err != unix.ENOENT) {
			t.Skipf("a %s of its own: %v", d, err)
		}
	}
}

// run runs a command. It repeats a read-only command until the output is as in
// README, since a session is listed 50 ms after its start.
func (p *readmePlug) run(c shown) {
	p.T.Helper()
	var printed, want []string
	fits := harness.HoldsWithin(harness.NormalWait, func() bool {
		out, err := p.shell(c.command).CombinedOutput()
		if err != nil {
			p.T.Fatalf("%q: %v\n%s", c.command, err, out)
		}
		printed, want = p.comparable(p.ours(strings.Split(string(out), "\n"))), p.comparable(p.here(c.output))
		return slices.Equal(printed, want) || stepOf(c.command) != "look"
	})
	if !fits || !slices.Equal(printed, want) {
		p.T.Errorf("%q prints\n  %s\nREADME has\n  %s", c.command, strings.Join(printed, "\n  "), strings.Join(want, "\n  "))
	}
}

// monitor runs the exporter, which README runs in the background, and reads
// what it serves.
func (p *readmePlug) monitor(c shown) {
	p.T.Helper()
	said, terminal, err := os.Pipe()
	if err != nil {
		p.T.Fatal(err)
	}
	defer said.Close()
	exporter := p.shell("exec " + strings.TrimSuffix(c.command, "&"))
	exporter.Stdout, exporter.Stderr = terminal, terminal
	if err := exporter.Start(); err != nil {
		p.T.Fatal(err)
	}
	terminal.Close()
	defer exporter.Wait()
	defer exporter.Process.Kill()
	said.SetReadDeadline(time.Now().Add(harness.ServeBound))
	lines := bufio.NewScanner(said)
	for _, want := range c.output {
		if !lines.Scan() || lines.Text() != want {
			p.T.Fatalf("%q prints %q, %v; README has %q", c.command, lines.Text(), lines.Err(), want)
		}
	}
	_, url, _ := strings.Cut(c.output[0], " on ")
	for page, want := range map[string]string{"metrics": `plug_up{plug="119"} 1`, "healthz": "ok", "": "<html"} {
		r, err := http.Get(url + page)
		if err != nil {
			p.T.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			p.T.Errorf("%s%s: %s, %v; expected %q in\n%s", url, page, r.Status, err, want, body)
		}
	}
}

// shell is a command of README for this system: with its PIDs, and with the
// service manager that needs no running process.
func (p *readmePlug) shell(command string) *exec.Cmd {
	command = p.here([]string{command})[0]
	command = regexp.MustCompile(`^plugctl service \w+`).ReplaceAllString(command, "$0 --manager sysv")
	sh := exec.Command("sh", "-c", command)
	sh.Env = append(os.Environ(), "PATH="+filepath.Dir(p.Bin)+":"+os.Getenv("PATH"))
	return sh
}

// here returns lines of README with this system's PIDs and its service
// manager's file.
func (p *readmePlug) here(lines []string) (some []string) {
	for _, line := range lines {
		line = strings.ReplaceAll(line, "/etc/systemd/system/news.service", "/etc/init.d/news")
		some = append(some, regexp.MustCompile(`\b\d+\b`).ReplaceAllStringFunc(line, func(number string) string {
			if pid := p.pids[number]; pid != "" {
				return pid
			}
			return number
		}))
	}
	return some
}

var (
	psForm   = regexp.MustCompile(`^ *(\d+) \S`)
	noSyslog = regexp.MustCompile(`^plug: syslog /dev/log: `) // a container without a syslog daemon
	pidsForm = regexp.MustCompile(`^\d+( \d+)+$`)
)

// varying is what differs from run to run.
var varying = []struct {
	form *regexp.Regexp
	same string
}{
	{regexp.MustCompile(`^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (.*) \d+$`), "[TIME] $1 MICROSECONDS"},
	{regexp.MustCompile(`^\d+ (plug: 119 spare)$`), "$1"},
	{regexp.MustCompile(`^\d+-\d+-\d+ (\d+ \S+ \S+ \w+) \S+ \S+ `), "ID $1 AGE IDLE "},
	{regexp.MustCompile(`^PID \d+ is `), "PID is "},
	{regexp.MustCompile(`( 3\.\d+\.\d+)(-dev)?(\+\w+)?(-dirty)?(\)?)$`), "$1$5"},
}

// ours returns the lines without other plugs' processes, which ps also shows,
// and without the warning about a missing syslog.
func (p *readmePlug) ours(lines []string) []string {
	own := map[string]bool{}
	for _, q := range p.Procs() {
		own[strconv.Itoa(q.PID)] = true
	}
	return slices.DeleteFunc(lines, func(line string) bool {
		m := psForm.FindStringSubmatch(line)
		return m != nil && !own[m[1]] || noSyslog.MatchString(line)
	})
}

// comparable returns lines without what differs from run to run: times, the
// PIDs of spares, and the order after the first line, or within a line of PIDs
// after the first one.
func (p *readmePlug) comparable(lines []string) (some []string) {
	for _, line := range lines {
		words := strings.Fields(line)
		if line = strings.Join(words, " "); pidsForm.MatchString(line) {
			slices.Sort(words[1:])
			line = strings.Join(words, " ")
		}
		for _, v := range varying {
			line = v.form.ReplaceAllString(line, v.same)
		}
		if line != "" {
			some = append(some, line)
		}
	}
	slices.Sort(some[min(1, len(some)):])
	return some
}
