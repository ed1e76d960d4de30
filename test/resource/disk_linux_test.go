// TestResource: full disks, read-only disks and file size limits.

package resource

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// onDisk prepares a plug whose pidfile and session file are on their own
// filesystem, mounted by mount.
func onDisk(t *testing.T, mode string, mount func(dir string), args ...string) (p *harness.Plug, dir string) {
	t.Helper()
	dir = filepath.Join(harness.OpenDir(t), "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mount(dir)
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	pidfile, sessions := filepath.Join(dir, "pid"), filepath.Join(dir, "sessions")
	p = harness.Prepare(t, mode, append([]string{"-P", pidfile, "-S", sessions}, args...)...)
	p.Pidfile, p.Sessions = pidfile, sessions
	return p, dir
}

// small mounts a filesystem of 512 KiB.
func small(t *testing.T) func(string) {
	return func(dir string) {
		t.Helper()
		if err := unix.Mount("plug-test", dir, "tmpfs", 0, "size=512k"); err != nil {
			t.Skipf("a small filesystem: %v", err)
		}
	}
}

// filler uses all the room of a filesystem.
type filler struct {
	t    *testing.T
	path string
}

// fill uses the room that there is now.
func (f *filler) fill() {
	f.t.Helper()
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	for err == nil {
		_, err = file.Write(make([]byte, 512))
	}
	file.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		f.t.Fatal(err)
	}
}

func (f *filler) free() { os.Remove(f.path) }

// honest checks that no PID in the pidfile belongs to another process: a dead
// worker stays unreaped as long as it is listed there.
func honest(p *harness.Plug) {
	p.T.Helper()
	for _, pid := range p.PIDs() {
		if harness.IsOf(pid, p.Bin) {
			continue
		}
		if q, err := harness.ReadProcess(pid); err != nil || q.State != 'Z' || q.PPID != p.Master {
			p.T.Errorf("%d in the pidfile is no process of the plug: %v %v", pid, q, err)
		}
	}
}

// Lines that did not fit, the master's and the workers', are written when
// there is room, and so is the pidfile.
func fullDisk(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, dir := onDisk(t, mode, small(t), harness.WithControl(append(harness.TightArgs(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)...)
		p.Detach()
		gone, held := harness.Hold(t, p, 4), harness.Hold(t, p, 2)
		filler, n := &filler{t, filepath.Join(dir, "filler")}, 0
		full := regexp.QuoteMeta(p.Sessions) + `.*No space left on device|` + regexp.QuoteMeta(p.Pidfile) + `.*No space left on device`
		written := func() int { return len(harness.ParseSessions(t, p.Sessions)) }
		cram := func() {
			t.Helper()
			for filler.fill(); harness.HoldsWithin(200*time.Millisecond, func() bool { return written() == n }); n++ {
				if n > 150 {
					t.Fatalf("all of %d lines are in a file without room", n)
				}
				harness.ShortSession(t, p)
				filler.fill()
			}
		}
		cram() // the file's last page has room for some lines
		for _, c := range gone {
			if err := harness.Finish(c); err != nil {
				t.Error(err)
			}
			filler.fill()
		}
		n += len(gone)
		cram() // each worker that ended may have freed the pidfile's page for a line that waited
		log := p.SaysOnce(full)
		honest(p)
		waiting := func() int { return p.Asks("status", nil).Status.Unwritten }
		if !harness.HoldsWithin(harness.NormalWait, func() bool { return waiting() == n-written() }) {
			t.Errorf("the status says that %d lines wait; %d are missing", waiting(), n-written())
		}
		freed := time.Now()
		filler.free()
		harness.Await(t, "the lines that had found no room", harness.NormalWait, func() bool { return written() >= n })
		harness.Await(t, "the status to say that no line waits", harness.NormalWait, func() bool { return waiting() == 0 })
		took := time.Since(freed)
		addEnding(p, log, max(took, whole(p, freed, held, n+len(held))))
	})
}

// The same with -S - and a file that was not opened for appending, as with a
// shell's >: the beginning of a line that did not fit is removed, and the next
// line starts in its place.
func fullDiskOfStdout(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, dir := onDisk(t, mode, small(t), append(harness.TightArgs(mode), "-n", "-S", "-", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		p.Sessions = filepath.Join(dir, "out")
		out, err := os.Create(p.Sessions)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		p.Launch(func(c *exec.Cmd) { c.Stdout = out })
		harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
		harness.ShortSession(t, p) // its line takes a new page, and further lines fit into that
		filler, n := &filler{t, filepath.Join(dir, "filler")}, 1
		for filler.fill(); n < 80 && harness.HoldsWithin(200*time.Millisecond, func() bool { return len(harness.ParseSessions(t, p.Sessions)) == n }); n++ {
			harness.ShortSession(t, p)
			filler.fill()
		}
		harness.ShortSession(t, p)
		n++
		if whole := len(harness.ParseSessions(t, p.Sessions)); whole >= n {
			t.Fatalf("all of %d lines are in a file without room", whole)
		}
		filler.free()
		harness.Await(t, "the lines that had found no room", harness.NormalWait, func() bool { return len(harness.ParseSessions(t, p.Sessions)) == n })
		if text := harness.ReadString(p.Sessions); strings.Contains(text, "\x00") {
			t.Errorf("NULs: %q", text)
		}
	})
}

func saidOf(p *harness.Plug, what string) bool {
	for _, r := range p.Errs() {
		if m := harness.LogSubject.FindStringSubmatch(r.Text); m != nil && m[1] == what {
			return true
		}
	}
	return false
}

var lost = regexp.MustCompile(`\blines=(\d+)`)

// Lines that cannot be kept for so long are given up and counted, and the
// count is logged.
func fullDiskForLong(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, dir := onDisk(t, mode, small(t), append(harness.TightArgs(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		p.Detach()
		filler := &filler{t, filepath.Join(dir, "filler")}
		filler.fill()
		n := harness.Count(2000)
		for range n {
			harness.ShortSession(t, p)
		}
		p.Calm(harness.ShortageLasts)
		filler.free()
		var written, given int
		if !harness.HoldsWithin(harness.NormalWait, func() bool {
			written, given = len(harness.ParseSessions(t, p.Sessions)), 0
			for _, r := range p.Errs() {
				for _, m := range lost.FindAllStringSubmatch(r.Text, -1) {
					lines, _ := strconv.Atoi(m[1])
					given += lines
				}
			}
			return written+given == n
		}) {
			t.Errorf("of %d sessions %d have a line, and %d are logged as given up", n, written, given)
		}
		t.Logf("%d sessions, %d lines written, %d given up", n, written, given)
		harness.ShortSession(t, p)
		harness.Await(t, "the next line", harness.NormalWait, func() bool { return len(harness.ParseSessions(t, p.Sessions)) == written+1 })
	})
}

// A filesystem becomes read-only while its files are open, as after a disk
// error, until the admin mounts another one in its place.
func readOnlyDisk(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		image := filepath.Join(harness.OpenDir(t), "image")
		mkfs := harness.Program(t, "mkfs.ext4")
		var device string
		p, dir := onDisk(t, mode, func(dir string) { device = failing(t, mkfs, image, dir) },
			append(harness.TightArgs(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		p.Detach()
		harness.ShortSession(t, p)
		p.Lines(1)
		gone, held := harness.Hold(t, p, 3), harness.Hold(t, p, 2)
		if err := os.WriteFile("/sys/fs/ext4/"+device+"/trigger_fs_error", []byte("test"), 0o644); err != nil {
			t.Skipf("an error of the disk: %v", err)
		}
		for _, c := range gone {
			if err := harness.Finish(c); err != nil {
				t.Error(err)
			}
		}
		harness.ShortSession(t, p)
		at := regexp.QuoteMeta(dir)
		log := p.SaysOnce(at + `.*(Read-only file system|Input/output error)`)
		honest(p)
		if n := len(harness.ParseSessions(t, p.Sessions)); n != 1 {
			t.Fatalf("%d lines on a disk that can't be written", n)
		}
		mended := time.Now()
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("plug-test", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		harness.Await(t, "the lines that could not be written", harness.NormalWait, func() bool {
			return len(harness.ParseSessions(t, p.Sessions)) == len(gone)+1
		})
		took := time.Since(mended)
		harness.Await(t, "the pidfile to be there again", harness.NormalWait, p.Serves)
		addEnding(p, log, max(took, whole(p, mended, held, len(gone)+1+len(held))))
	})
}

// failing mounts a separate filesystem in a file, which becomes read-only at
// its first error, and returns its block device.
func failing(t *testing.T, mkfs, image, dir string) (device string) {
	t.Helper()
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(4 << 20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, "-q", "-F", "-O", "^has_journal", image).CombinedOutput(); err != nil {
		t.Skipf("%s: %v %s", mkfs, err, out)
	}
	// The loop device disappears with its last mount.
	if out, err := exec.Command(harness.Program(t, "mount"), "-o", "loop,errors=remount-ro", image, dir).CombinedOutput(); err != nil {
		t.Skipf("mount of a file: %v %s", err, out)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	link, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	if err != nil {
		t.Skip(err)
	}
	return filepath.Base(link)
}

// RLIMIT_FSIZE limits the session file before the disk is full; SIGXFSZ comes
// with it.
func fileSize(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartDaemon(t, mode, append(harness.TightArgs(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		harness.ShortSession(t, p)
		p.Lines(1)
		gone, held := harness.Hold(t, p, 3), harness.Hold(t, p, 2)
		const at = 4096
		if err := os.Truncate(p.Sessions, 0); err != nil {
			t.Fatal(err)
		}
		// New workers inherit the master's limit.
		lifts := []func(){harness.SetLimit(t, p.Master, unix.RLIMIT_FSIZE, at)}
		for _, w := range p.Workers() {
			lifts = append(lifts, harness.SetLimit(t, w.PID, unix.RLIMIT_FSIZE, at))
		}
		n := 0
		for ; n < 80 && !saidOf(p, "session file"); n++ {
			harness.ShortSession(t, p)
		}
		for _, c := range gone {
			harness.Finish(c)
		}
		log := p.SaysOnce(fmt.Sprintf(`\(RLIMIT_FSIZE %d\)`, at))
		if !harness.IsOf(p.Master, p.Bin) {
			t.Fatal("the master has ended")
		}
		lifted := time.Now()
		for _, lift := range lifts {
			lift()
		}
		for _, w := range p.Workers() {
			harness.SetLimit(t, w.PID, unix.RLIMIT_FSIZE, unix.RLIM_INFINITY)
		}
		harness.Await(t, "the lines that had found no room", harness.NormalWait, func() bool {
			return len(harness.ParseSessions(t, p.Sessions)) >= n+len(gone)
		})
		took := time.Since(lifted)
		addEnding(p, log, max(took, whole(p, lifted, held, n+len(gone)+len(held))))
	})
}
