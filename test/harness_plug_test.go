// Harness: starting a plug, in the foreground or as a daemon.

package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serveBound is how long a start may take on a busy machine: the 2 s for which
// a port in use is retried, and the spares' start.
const serveBound = 20 * time.Second

// plug is one running plug with its files.
type plug struct {
	t        testing.TB
	mode     string
	port     int
	dir      string
	bin      string // its own link, see the package comment
	args     []string
	pidfile  string
	sessions string // session file
	stdout   string // files, so that no reader can block the daemon
	stderr   string
	syslog   *syslogSink
	cmd      *exec.Cmd     // the started process: the shepherd, or the daemon's starter
	exited   chan struct{} // closed when the process has been waited for
	daemon   bool
	master   int // PID, once it serves
}

// prepare makes a plug's directory, syslog socket and command line without
// starting it. In args, {port} stands for a free port; without it the port
// becomes the first positional argument. -P, -S, --mode, --syslog and
// --control none are added unless args give them: no test leaves a socket in
// /run/plug.
func prepare(t testing.TB, mode string, args ...string) *plug {
	t.Helper()
	p := &plug{t: t, mode: mode, port: freePort(t), dir: openDir(t)}
	p.bin = filepath.Join(p.dir, "plug")
	if err := os.Link(built, p.bin); err != nil {
		if err := copyFile(built, p.bin); err != nil {
			t.Fatal(err)
		}
	}
	p.pidfile = filepath.Join(p.dir, "pid")
	p.sessions = filepath.Join(p.dir, "sessions")
	p.stdout = filepath.Join(p.dir, "stdout")
	p.stderr = filepath.Join(p.dir, "stderr")
	p.syslog = listenSyslog(t, filepath.Join(p.dir, "log"))

	given := func(prefix string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, prefix) })
	}
	add := func(option, value string) {
		if !given(option) {
			p.args = append(p.args, option, value)
		}
	}
	add("-P", p.pidfile)
	add("-S", p.sessions)
	if mode != "" {
		add("--mode", mode)
	}
	add("--syslog", p.syslog.path)
	add("--control", "none")
	placed := false
	for _, a := range args {
		b := strings.ReplaceAll(a, "{port}", strconv.Itoa(p.port))
		placed = placed || a != b || strings.HasPrefix(a, "fd:")
		args = slices.Replace(args, slices.Index(args, a), slices.Index(args, a)+1, b)
	}
	if !placed {
		p.args = append(p.args, strconv.Itoa(p.port))
	}
	p.args = append(p.args, args...)
	t.Cleanup(p.cleanup)
	return p
}

// start runs a plug in the foreground and returns when it serves. When the
// test ends, it is stopped with TERM and must leave no process.
func start(t testing.TB, mode string, args ...string) *plug {
	t.Helper()
	p := prepare(t, mode, args...)
	p.foreground()
	return p
}

// startDaemon runs a plug without -n. When the command has returned 0, the
// plug must serve: startDaemon does not wait for it.
func startDaemon(t testing.TB, mode string, args ...string) *plug {
	t.Helper()
	p := prepare(t, mode, args...)
	p.detach()
	return p
}

func (p *plug) foreground() {
	p.t.Helper()
	p.args = append([]string{"-n"}, p.args...)
	p.launch()
	await(p.t, "the plug to serve", serveBound, func() bool {
		if p.hasExited() {
			p.t.Fatalf("%v\n  exited with %d instead of serving: %s", p.cmd.Args, p.code(), p.errors())
		}
		return p.serves()
	})
}

func (p *plug) detach() {
	p.t.Helper()
	p.daemon = true
	p.launch()
	if code := p.wait(serveBound); code != 0 {
		p.t.Fatalf("%v\n  exited with %d: %s", p.cmd.Args, code, p.errors())
	}
	if !p.serves() {
		p.t.Fatalf("the command returned 0 before the daemon served (port listening: %v, pidfile %q)",
			listening(p.t, p.port), readString(p.pidfile))
	}
}

// launch starts the process with its output in files.
func (p *plug) launch(with ...func(*exec.Cmd)) {
	p.t.Helper()
	p.cmd = exec.Command(p.bin, p.args...)
	p.cmd.Dir = p.dir
	out, err := os.OpenFile(p.stdout, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close()
	errs, err := os.OpenFile(p.stderr, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.t.Fatal(err)
	}
	defer errs.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, errs
	for _, f := range with {
		f(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.exited = make(chan struct{})
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
}

// serves reports whether the port listens and the pidfile names a live master.
func (p *plug) serves() bool {
	if !listening(p.t, p.port) {
		return false
	}
	pids, err := readPidfile(p.pidfile)
	if err != nil || len(pids) == 0 || !isOf(pids[0], p.bin) {
		return false
	}
	p.master = pids[0]
	return true
}

func (p *plug) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// wait returns the exit code of the started process.
func (p *plug) wait(bound time.Duration) int {
	p.t.Helper()
	await(p.t, fmt.Sprintf("the end of %v", p.cmd.Args), bound, p.hasExited)
	return p.code()
}

func (p *plug) code() int { return p.cmd.ProcessState.ExitCode() }

// addr is the address for clients.
func (p *plug) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// errors is what the plug has written to stderr, except that it serves. It
// waits until the last line is complete: if a line crosses a page, a reader
// may see only its first half.
func (p *plug) errors() (said string) {
	holdsWithin(time.Second, func() bool {
		said = readString(p.stderr)
		return said == "" || strings.HasSuffix(said, "\n")
	})
	for { // a regular expression would be tried at every byte of a log that is read many times
		i := strings.Index(said, "[INFO]  plug: serving: ")
		if i < 0 {
			return said
		}
		_, rest, _ := strings.Cut(said[i:], "\n")
		said = said[:strings.LastIndexByte(said[:i], '\n')+1] + rest
	}
}

// openDir returns a directory that other users can enter, with a short path,
// since a socket's path is limited to 107 bytes.
func openDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "plug-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func readString(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}
