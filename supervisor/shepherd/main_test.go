// The test binary as a master: the scenes that it plays in these tests.

package shepherd

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/await"
)

// The masters of these tests are this test binary. Run and Launch start it
// with the role in its environment; sceneVariable says what it does there, and
// placeVariable in which directory.
const (
	sceneVariable = "PLUG_SHEPHERD_TEST"
	placeVariable = "PLUG_SHEPHERD_TEST_DIR"
)

const patience = await.Patience

var until = await.Until

func TestMain(m *testing.M) {
	if starter, ok := Find(); ok {
		os.Exit(master(starter, os.Getenv(sceneVariable), os.Getenv(placeVariable)))
	}
	catchHangup()
	os.Exit(m.Run())
}

// catchHangup makes sure that HUP kills children: under nohup they would
// ignore it from the start.
func catchHangup() { signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) }

// master plays a scene and returns its exit status.
func master(s *Starter, scene, place string) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, relayed...)
	if unready, ok := strings.CutPrefix(scene, "unready "); ok {
		switch unready {
		case "exit 4":
			return 4
		case "exit 0":
			return 0
		case "killed":
			unix.Kill(os.Getpid(), unix.SIGKILL)
			select {}
		}
	}
	if scene == "serve late" {
		note(place, "started", "")
		if !appears(place, "go on") {
			return 99
		}
	}
	before := describe()
	if err := s.Ready(); err != nil {
		note(place, "ready", err.Error())
		return 98
	}
	note(place, "ready", before+"then\n"+describe())
	select {
	case got := <-signals:
		note(place, "signal", got.String())
		return 7
	case <-s.Gone():
		note(place, "gone", "")
		return 9
	case <-time.After(patience):
		return 97
	}
}

// describe returns what a master knows about itself.
func describe() string {
	sid, _ := unix.Getsid(0)
	text := fmt.Sprintf("leads %v group %v role %q\n", sid == os.Getpid(), unix.Getpgrp() == os.Getpid(), os.Getenv(roleVariable))
	for fd := range 3 {
		to, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		text += to + "\n"
	}
	return text
}

// note writes a text to a file, all at once, for the test that waits for it.
func note(place, name, text string) {
	path := filepath.Join(place, name)
	if os.WriteFile(path+".part", []byte(text), 0o600) == nil {
		os.Rename(path+".part", path)
	}
}

// appears waits for a note and reports whether it came.
func appears(place, name string) bool {
	return await.Happens(patience, func() bool { _, err := os.Stat(filepath.Join(place, name)); return err == nil })
}

// scene sets what the next master plays, and returns its directory.
func scene(t *testing.T, name string) string {
	t.Helper()
	place := t.TempDir()
	t.Setenv(sceneVariable, name)
	t.Setenv(placeVariable, place)
	return place
}

// read returns a note's text.
func read(t *testing.T, place, name string) string {
	t.Helper()
	if !appears(place, name) {
		t.Fatalf("no note %q", name)
	}
	text, err := os.ReadFile(filepath.Join(place, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// child starts a shell script.
func child(t *testing.T, script string) int {
	t.Helper()
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Only a live child of ours, whose PID cannot have been reused.
		if ours, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); ours == 0 && err == nil {
			unix.Kill(pid, unix.SIGKILL)
			unix.Wait4(pid, nil, 0, nil)
		}
	})
	return pid
}
