// Tests of finding a master through its pidfile.

package reach

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"daemon/plug/pidfile"
	"daemon/plug/supervisor/control"
)

// claimed makes a pidfile that names a process as the master, and locks it as
// a master does.
func claimed(t *testing.T, dir string, pid int) (path string, file *pidfile.File) {
	t.Helper()
	path = filepath.Join(dir, "pid")
	file, err := pidfile.Claim(path, pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if err := file.Write([]int{pid, 4711}); err != nil {
		t.Fatal(err)
	}
	return path, file
}

// shortDir returns a directory whose path is short enough for a socket in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "reach-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestFindByPidfile: this process is the master. Its control socket has been
// renamed since it was bound, as control.Claim does it, and the process also
// listens on another socket, which is not a control socket.
func TestFindByPidfile(t *testing.T) {
	dir := shortDir(t)
	other, err := net.Listen("unix", filepath.Join(dir, "a-other"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "0-stale"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	socket, err := control.Claim(filepath.Join(dir, "ctl"), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Remove()
	l, err := socket.Listener()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := listeners(os.Getpid())
	slices.Sort(paths)
	if want := []string{filepath.Join(dir, "a-other"), socket.Path}; err != nil || !slices.Equal(paths, want) {
		t.Errorf("this process listens on %q, want %q; %v", paths, want, err)
	}
	says := os.Getpid()
	s := &control.Server{Answer: func(*control.Request, func(control.Reply) error) control.Reply {
		return control.Reply{Status: &control.Status{PID: says}}
	}}
	s.Serve(l)
	defer s.Close(time.Second)

	path, file := claimed(t, dir, os.Getpid())
	o := &Options{Pidfile: path, Timeout: 200 * time.Millisecond}
	at, err := o.find()
	if err != nil || at.path != socket.Path {
		t.Fatalf("%+v, %v; want %s", at, err, socket.Path)
	}
	m, err := o.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if r, err := m.Ask(control.Request{Verb: control.GetStatus}); err != nil || r.Status.PID != says {
		t.Errorf("%+v, %v", r, err)
	}

	says++ // another plug's master behind a socket that this process holds
	if at, err := o.find(); err == nil || !strings.Contains(err.Error(), "is not the master") && !strings.Contains(err.Error(), "no answer") {
		t.Errorf("%+v, %v", at, err)
	}

	says-- // an unlocked pidfile is not a plug's, whatever process has the PID now
	file.Close()
	if at, err := o.find(); err == nil || !strings.Contains(err.Error(), "so it is stale") {
		t.Errorf("%+v, %v", at, err)
	}
}

// TestFindNothing: each reason why a pidfile leads to no master has its own
// error.
func TestFindNothing(t *testing.T) {
	dir := shortDir(t)
	sleep := exec.Command("sleep", "60")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	path, _ := claimed(t, dir, sleep.Process.Pid)
	o := &Options{Pidfile: path, Timeout: time.Second}
	_, err := o.Dial()
	if err == nil || !strings.Contains(err.Error(), "has no control socket: it runs with --control none") {
		t.Errorf("a process without sockets: %v", err)
	}
	sleep.Process.Kill()
	sleep.Wait()
	_, err = o.Dial()
	if err == nil || !strings.Contains(err.Error(), "no such process, so the file is stale") {
		t.Errorf("no process: %v", err)
	}
	var away *Away
	if away, _ = err.(*Away); away == nil {
		t.Errorf("not an Away: %T", err)
	}
}

// TestParseListener: messages from the kernel may be malformed.
func TestParseListener(t *testing.T) {
	good := []byte{
		1, 1, 10, 0, 0xa9, 0x55, 0, 0, 1, 1, 10, 0, 0xa9, 3, 0xa9, 4, // unix_diag_msg
		17, 0, 0, 0, '/', 'd', 'e', 'v', '/', 's', 'h', 'm', '/', '.', 's', 'x', 0, 0, 0, 0, // name
		12, 0, 1, 0, 0x54, 0xb5, 0x0d, 0, 0x1b, 0, 0, 0, // vfs
		5, 0, 6, 0, 0, 0, 0, 0, // shutdown
	}
	if l, ok := parseListener(good); !ok || l != (listener{0x55a9, 0xdb554, "/dev/shm/.sx"}) {
		t.Errorf("%+v, %v", l, ok)
	}
	for cut := range good[:48] {
		if l, ok := parseListener(good[:cut]); ok {
			t.Errorf("of %d bytes: %+v", cut, l)
		}
	}
	for i := range good {
		for _, v := range []byte{0, 1, 3, 0xff} {
			bad := append([]byte(nil), good...)
			bad[i] = v
			parseListener(bad) // must return, without a panic
		}
	}
}
