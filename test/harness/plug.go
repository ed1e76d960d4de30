// Harness: starting a plug, in the foreground or as a daemon.

package harness

import (
	"fmt"
	"maps"
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

// ServeBound is how long a start may take on a busy machine: the 2 s for which
// a port in use is retried, and the spares' start.
const ServeBound = 20 * time.Second

// Plug is one running plug with its files.
type Plug struct {
	T        testing.TB
	Mode     string
	Port     int
	Dir      string
	Bin      string // its own link, see the package comment
	Args     []string
	Pidfile  string
	Sessions string // session file
	Stdout   string // files, so that no reader can block the daemon
	Stderr   string
	Syslog   *SyslogSink
	Cmd      *exec.Cmd     // the started process: the shepherd, or the daemon's starter
	exited   chan struct{} // closed when the process has been waited for
	Daemon   bool
	Master   int // PID, once it serves
}

// Prepare makes a plug's directory, syslog socket and command line without
// starting it. In args, {port} stands for a free port; without it the port
// becomes the first positional argument. -P, -S, --mode, --syslog and
// --control none are added unless args give them: no test leaves a socket in
// /run/plug.
func Prepare(t testing.TB, mode string, args ...string) *Plug {
	t.Helper()
	p := &Plug{T: t, Mode: mode, Port: FreePort(t), Dir: OpenDir(t)}
	p.Bin = filepath.Join(p.Dir, "plug")
	if err := os.Link(Binary, p.Bin); err != nil {
		if err := CopyFile(Binary, p.Bin); err != nil {
			t.Fatal(err)
		}
	}
	p.Pidfile = filepath.Join(p.Dir, "pid")
	p.Sessions = filepath.Join(p.Dir, "sessions")
	p.Stdout = filepath.Join(p.Dir, "stdout")
	p.Stderr = filepath.Join(p.Dir, "stderr")
	p.Syslog = ListenSyslog(t, filepath.Join(p.Dir, "log"))

	given := func(prefix string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, prefix) })
	}
	add := func(option, value string) {
		if !given(option) {
			p.Args = append(p.Args, option, value)
		}
	}
	add("-P", p.Pidfile)
	add("-S", p.Sessions)
	if mode != "" {
		add("--mode", mode)
	}
	add("--syslog", p.Syslog.Path)
	add("--control", "none")
	placed := false
	for _, a := range args {
		b := strings.ReplaceAll(a, "{port}", strconv.Itoa(p.Port))
		placed = placed || a != b || strings.HasPrefix(a, "fd:")
		args = slices.Replace(args, slices.Index(args, a), slices.Index(args, a)+1, b)
	}
	if !placed {
		p.Args = append(p.Args, strconv.Itoa(p.Port))
	}
	p.Args = append(p.Args, args...)
	t.Cleanup(p.cleanup)
	return p
}

// Start runs a plug in the foreground and returns when it serves. When the
// test ends, it is stopped with TERM and must leave no process.
func Start(t testing.TB, mode string, args ...string) *Plug {
	t.Helper()
	p := Prepare(t, mode, args...)
	p.Foreground()
	return p
}

// StartDaemon runs a plug without -n. When the command has returned 0, the
// plug must serve: StartDaemon does not wait for it.
func StartDaemon(t testing.TB, mode string, args ...string) *Plug {
	t.Helper()
	p := Prepare(t, mode, args...)
	p.Detach()
	return p
}

// Foreground starts a prepared plug with -n, and waits until it serves.
func (p *Plug) Foreground() {
	p.T.Helper()
	p.Args = append([]string{"-n"}, p.Args...)
	p.Launch()
	Await(p.T, "the plug to serve", ServeBound, func() bool {
		if p.HasExited() {
			p.T.Fatalf("%v\n  exited with %d instead of serving: %s", p.Cmd.Args, p.Code(), p.Errors())
		}
		return p.Serves()
	})
}

// Detach starts a prepared plug as a daemon, which must serve when the command
// has returned 0.
func (p *Plug) Detach() {
	p.T.Helper()
	p.Daemon = true
	p.Launch()
	if code := p.Wait(ServeBound); code != 0 {
		p.T.Fatalf("%v\n  exited with %d: %s", p.Cmd.Args, code, p.Errors())
	}
	if !p.Serves() {
		p.T.Fatalf("the command returned 0 before the daemon served (port listening: %v, pidfile %q)",
			Listening(p.T, p.Port), ReadString(p.Pidfile))
	}
}

// Launch starts the process with its output in files.
func (p *Plug) Launch(with ...func(*exec.Cmd)) {
	p.T.Helper()
	p.Cmd = exec.Command(p.Bin, p.Args...)
	p.Cmd.Dir = p.Dir
	out, err := os.OpenFile(p.Stdout, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.T.Fatal(err)
	}
	defer out.Close()
	errs, err := os.OpenFile(p.Stderr, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.T.Fatal(err)
	}
	defer errs.Close()
	p.Cmd.Stdout, p.Cmd.Stderr = out, errs
	for _, f := range with {
		f(p.Cmd)
	}
	if err := p.Cmd.Start(); err != nil {
		p.T.Fatal(err)
	}
	p.exited = make(chan struct{})
	go func() {
		p.Cmd.Wait()
		close(p.exited)
	}()
}

// Serves reports whether the port listens and the pidfile names a live master.
func (p *Plug) Serves() bool {
	if !Listening(p.T, p.Port) {
		return false
	}
	pids, err := ReadPidfile(p.Pidfile)
	if err != nil || len(pids) == 0 || !IsOf(pids[0], p.Bin) {
		return false
	}
	p.Master = pids[0]
	return true
}

// HasExited reports whether the started process has ended.
func (p *Plug) HasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Wait returns the exit code of the started process.
func (p *Plug) Wait(bound time.Duration) int {
	p.T.Helper()
	Await(p.T, fmt.Sprintf("the end of %v", p.Cmd.Args), bound, p.HasExited)
	return p.Code()
}

// Code is the exit code of the started process, once it has ended.
func (p *Plug) Code() int { return p.Cmd.ProcessState.ExitCode() }

// Addr is the address for clients.
func (p *Plug) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port)) }

// Errors is what the plug has written to stderr, except that it serves. It
// waits until the last line is complete: if a line crosses a page, a reader
// may see only its first half.
func (p *Plug) Errors() (said string) {
	HoldsWithin(time.Second, func() bool {
		said = ReadString(p.Stderr)
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

// OpenDir returns a directory that other users can enter, with a short path,
// since a socket's path is limited to 107 bytes.
func OpenDir(t testing.TB) string {
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

// ReadString is the content of a file, or "" if it cannot be read.
func ReadString(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// Tail is the end of a text, at most n bytes.
func Tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// Relaunch starts the command line in the foreground, if necessary again, and
// reports whether it has the port or has exited. An older plug may have the
// port in the meantime, so the listener must be among the new master's
// descriptors.
func (p *Plug) Relaunch() (serves bool) {
	p.T.Helper()
	p.Launch()
	Await(p.T, "the new plug to serve", ServeBound, func() bool {
		if p.HasExited() {
			return true
		}
		pids, err := ReadPidfile(p.Pidfile)
		if err != nil || !IsOf(pids[0], p.Bin) || !slices.Contains(slices.Collect(maps.Values(Descriptors(pids[0]))), listener(p.Port)) {
			return false
		}
		p.Master = pids[0]
		return true
	})
	return !p.HasExited()
}
