// Tests of a scribe that opens its file itself. The scribe is this test binary, started
// again.

package scribe

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

func TestMain(m *testing.M) {
	if os.Args[0] == Arg0 {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}

// The file that a scribe has opened gets the lines, and its identity is reported. A user
// may be given: the scribe opens the file before it becomes that user.
func TestOpen(t *testing.T) {
	users := map[string]*syscall.Credential{"own": nil}
	if os.Geteuid() == 0 {
		users["other"] = &syscall.Credential{Uid: 65534, Gid: 65534, Groups: []uint32{65533, 65532}}
	}
	for name, user := range users {
		path := filepath.Join(t.TempDir(), "lines")
		o, err := Open(host.Image(), path, user)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || o.Device != uint64(st.Dev) || o.Inode != uint64(st.Ino) {
			t.Errorf("%s: device %d, inode %d, want those of %+v (%v)", name, o.Device, o.Inode, st, err)
		}
		if uids := uidsOf(path); runtime.GOOS == "linux" && (len(uids) != 1 || user != nil && uids[0] != "65534") {
			t.Errorf("%s: scribes run as %q", name, uids)
		}
		unix.Write(o.Pipe, []byte("a line\n"))
		unix.Close(o.Pipe)
		ends(t, o.Ended)
		if text, _ := os.ReadFile(path); string(text) != "a line\n" {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// uidsOf returns the real user IDs of the scribes of a file, by proc(5).
func uidsOf(path string) (uids []string) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		line, _ := os.ReadFile(dir + "/cmdline")
		if !strings.HasPrefix(string(line), Arg0+"\x00"+path+"\x00") {
			continue
		}
		status, _ := os.ReadFile(dir + "/status")
		_, after, _ := strings.Cut(string(status), "\nUid:")
		if fields := strings.Fields(after); len(fields) > 0 {
			uids = append(uids, fields[0])
		}
	}
	return uids
}

// ends waits for the end of a scribe.
func ends(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the scribe has not ended")
	}
}

// What is wrong with a file is reported as open(2) does, and no scribe is left.
func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]error{dir: unix.EISDIR, filepath.Join(dir, "no", "file"): unix.ENOENT} {
		o, err := Open(host.Image(), path, nil)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		ends(t, o.Ended)
	}
}

func TestReadReport(t *testing.T) {
	for _, c := range []struct {
		text, err     string
		device, inode uint64
	}{
		{"0 18446744073709551615 7\n", "", 1<<64 - 1, 7},
		{"2 0 0\n", unix.ENOENT.Error(), 0, 0},
		{"", "the process that opens it has ended", 0, 0},
		{"0 1\n", "the process that opens it has ended", 0, 0},
	} {
		device, inode, err := readReport(strings.NewReader(c.text))
		if err == nil && c.err != "" || err != nil && err.Error() != c.err {
			t.Errorf("%q: error %v, want %q", c.text, err, c.err)
		}
		if err == nil && (device != c.device || inode != c.inode) {
			t.Errorf("%q: %d and %d, want %d and %d", c.text, device, inode, c.device, c.inode)
		}
	}
}

func TestFormatUser(t *testing.T) {
	for want, user := range map[string]*syscall.Credential{
		"":        nil,
		"1:2":     {Uid: 1, Gid: 2},
		"1:2:3:4": {Uid: 1, Gid: 2, Groups: []uint32{3, 4}},
	} {
		if got := formatUser(user); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, text := range []string{"1", "x:1", "1:", "1:2:x"} {
		if err := become(text); err != unix.EINVAL {
			t.Errorf("%q: %v, want %v", text, err, unix.EINVAL)
		}
	}
}
