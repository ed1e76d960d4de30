// TestResource: full disks, read-only disks and file size limits.

package test

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
)

// onDisk prepares a plug whose pidfile and session file are on their own
// filesystem, mounted by mount.
func onDisk(t *testing.T, mode string, mount func(dir string), args ...string) (p *plug, dir string) {
	t.Helper()
	dir = filepath.Join(openDir(t), "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mount(dir)
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	pidfile, sessions := filepath.Join(dir, "pid"), filepath.Join(dir, "sessions")
	p = prepare(t, mode, append([]string{"-P", pidfile, "-S", sessions}, args...)...)
	p.pidfile, p.sessions = pidfile, sessions
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

// cycle is one short session.
func cycle(t testing.TB, p *plug) {
	t.Helper()
	c := dial(t, p.addr())
	mustPing(t, c)
	if err := finish(c); err != nil {
		t.Errorf("a session: %v", err)
	}
}

// honest checks that no PID in the pidfile belongs to another process: a dead
// worker stays unreaped as long as it is listed there.
func (p *plug) honest() {
	p.t.Helper()
	for _, pid := range p.pids() {
		if isOf(pid, p.bin) {
			continue
		}
		if q, err := readProcess(pid); err != nil || q.state != 'Z' || q.ppid != p.master {
			p.t.Errorf("%d in the pidfile is no process of the plug: %v %v", pid, q, err)
		}
	}
}

// Lines that did not fit, the master's and the workers', are written when
// there is room, and so is the pidfile.
func fullDisk(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, dir := onDisk(t, mode, small(t), withControl(append(tightArgs(mode), serve(t, anywhere, echo).addr())...)...)
		p.detach()
		gone, held := hold(t, p, 4), hold(t, p, 2)
		filler, n := &filler{t, filepath.Join(dir, "filler")}, 0
		full := regexp.QuoteMeta(p.sessions) + `.*No space left on device|` + regexp.QuoteMeta(p.pidfile) + `.*No space left on device`
		written := func() int { return len(parseSessions(t, p.sessions)) }
		cram := func() {
			t.Helper()
			for filler.fill(); holdsWithin(200*time.Millisecond, func() bool { return written() == n }); n++ {
				if n > 150 {
					t.Fatalf("all of %d lines are in a file without room", n)
				}
				cycle(t, p)
				filler.fill()
			}
		}
		cram() // the file's last page has room for some lines
		for _, c := range gone {
			if err := finish(c); err != nil {
				t.Error(err)
			}
			filler.fill()
		}
		n += len(gone)
		cram() // each worker that ended may have freed the pidfile's page for a line that waited
		log := p.saysOnce(full)
		p.honest()
		waiting := func() int { return p.asks("status", nil).Status.Unwritten }
		if !holdsWithin(normalWait, func() bool { return waiting() == n-written() }) {
			t.Errorf("the status says that %d lines wait; %d are missing", waiting(), n-written())
		}
		freed := time.Now()
		filler.free()
		await(t, "the lines that had found no room", normalWait, func() bool { return written() >= n })
		await(t, "the status to say that no line waits", normalWait, func() bool { return waiting() == 0 })
		took := time.Since(freed)
		p.ended(log, max(took, p.whole(freed, held, n+len(held))))
	})
}

// The same with -S - and a file that was not opened for appending, as with a
// shell's >: the beginning of a line that did not fit is removed, and the next
// line starts in its place.
func fullDiskOfStdout(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, dir := onDisk(t, mode, small(t), append(tightArgs(mode), "-n", "-S", "-", serve(t, anywhere, echo).addr())...)
		p.sessions = filepath.Join(dir, "out")
		out, err := os.Create(p.sessions)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		p.launch(func(c *exec.Cmd) { c.Stdout = out })
		await(t, "the plug to serve", serveBound, p.serves)
		cycle(t, p) // its line takes a new page, and further lines fit into that
		filler, n := &filler{t, filepath.Join(dir, "filler")}, 1
		for filler.fill(); n < 80 && holdsWithin(200*time.Millisecond, func() bool { return len(parseSessions(t, p.sessions)) == n }); n++ {
			cycle(t, p)
			filler.fill()
		}
		cycle(t, p)
		n++
		if whole := len(parseSessions(t, p.sessions)); whole >= n {
			t.Fatalf("all of %d lines are in a file without room", whole)
		}
		filler.free()
		await(t, "the lines that had found no room", normalWait, func() bool { return len(parseSessions(t, p.sessions)) == n })
		if text := readString(p.sessions); strings.Contains(text, "\x00") {
			t.Errorf("NULs: %q", text)
		}
	})
}

func (p *plug) saidOf(what string) bool {
	for _, r := range p.errs() {
		if m := whats.FindStringSubmatch(r.text); m != nil && m[1] == what {
			return true
		}
	}
	return false
}

var lost = regexp.MustCompile(`\blines=(\d+)`)

// Lines that cannot be kept for so long are given up and counted, and the
// count is logged.
func fullDiskForLong(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, dir := onDisk(t, mode, small(t), append(tightArgs(mode), serve(t, anywhere, echo).addr())...)
		p.detach()
		filler := &filler{t, filepath.Join(dir, "filler")}
		filler.fill()
		n := count(2000)
		for range n {
			cycle(t, p)
		}
		p.calm(shortageLasts)
		filler.free()
		var written, given int
		if !holdsWithin(normalWait, func() bool {
			written, given = len(parseSessions(t, p.sessions)), 0
			for _, r := range p.errs() {
				for _, m := range lost.FindAllStringSubmatch(r.text, -1) {
					lines, _ := strconv.Atoi(m[1])
					given += lines
				}
			}
			return written+given == n
		}) {
			t.Errorf("of %d sessions %d have a line, and %d are logged as given up", n, written, given)
		}
		t.Logf("%d sessions, %d lines written, %d given up", n, written, given)
		cycle(t, p)
		await(t, "the next line", normalWait, func() bool { return len(parseSessions(t, p.sessions)) == written+1 })
	})
}

// A filesystem becomes read-only while its files are open, as after a disk
// error, until the admin mounts another one in its place.
func readOnlyDisk(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		image := filepath.Join(openDir(t), "image")
		mkfs := program(t, "mkfs.ext4")
		var device string
		p, dir := onDisk(t, mode, func(dir string) { device = failing(t, mkfs, image, dir) },
			append(tightArgs(mode), serve(t, anywhere, echo).addr())...)
		p.detach()
		cycle(t, p)
		p.lines(1)
		gone, held := hold(t, p, 3), hold(t, p, 2)
		if err := os.WriteFile("/sys/fs/ext4/"+device+"/trigger_fs_error", []byte("test"), 0o644); err != nil {
			t.Skipf("an error of the disk: %v", err)
		}
		for _, c := range gone {
			if err := finish(c); err != nil {
				t.Error(err)
			}
		}
		cycle(t, p)
		at := regexp.QuoteMeta(dir)
		log := p.saysOnce(at + `.*(Read-only file system|Input/output error)`)
		p.honest()
		if n := len(parseSessions(t, p.sessions)); n != 1 {
			t.Fatalf("%d lines on a disk that can't be written", n)
		}
		mended := time.Now()
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("plug-test", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		await(t, "the lines that could not be written", normalWait, func() bool {
			return len(parseSessions(t, p.sessions)) == len(gone)+1
		})
		took := time.Since(mended)
		await(t, "the pidfile to be there again", normalWait, p.serves)
		p.ended(log, max(took, p.whole(mended, held, len(gone)+1+len(held))))
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
	if out, err := exec.Command(program(t, "mount"), "-o", "loop,errors=remount-ro", image, dir).CombinedOutput(); err != nil {
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
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startDaemon(t, mode, append(tightArgs(mode), serve(t, anywhere, echo).addr())...)
		cycle(t, p)
		p.lines(1)
		gone, held := hold(t, p, 3), hold(t, p, 2)
		const at = 4096
		if err := os.Truncate(p.sessions, 0); err != nil {
			t.Fatal(err)
		}
		// New workers inherit the master's limit.
		lifts := []func(){limit(t, p.master, unix.RLIMIT_FSIZE, at)}
		for _, w := range p.workers() {
			lifts = append(lifts, limit(t, w.pid, unix.RLIMIT_FSIZE, at))
		}
		n := 0
		for ; n < 80 && !p.saidOf("session file"); n++ {
			cycle(t, p)
		}
		for _, c := range gone {
			finish(c)
		}
		log := p.saysOnce(fmt.Sprintf(`\(RLIMIT_FSIZE %d\)`, at))
		if !isOf(p.master, p.bin) {
			t.Fatal("the master has ended")
		}
		lifted := time.Now()
		for _, lift := range lifts {
			lift()
		}
		for _, w := range p.workers() {
			limit(t, w.pid, unix.RLIMIT_FSIZE, unix.RLIM_INFINITY)
		}
		await(t, "the lines that had found no room", normalWait, func() bool {
			return len(parseSessions(t, p.sessions)) >= n+len(gone)
		})
		took := time.Since(lifted)
		p.ended(log, max(took, p.whole(lifted, held, n+len(gone)+len(held))))
	})
}
