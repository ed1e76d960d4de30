// Which kernels have a scheduler with deadlines.

package kernel

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestSchedulerHasDeadlines(t *testing.T) {
	for release, want := range map[string]bool{
		"6.6": true, "6.6.0-rc1": true, "6.12.48+deb13-amd64": true, "7.0.1": true, "10.1": true, "6.18.44-x": true,
		"6.5.13": false, "6.1.0-18-amd64": false, "5.15.0": false, "5.99": false, "": false, "6": false, "6.x": false, "six": false,
	} {
		if got := hasDeadlines([]byte(release)); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
	var names unix.Utsname
	if err := unix.Uname(&names); err != nil {
		t.Fatal(err)
	}
	if got, want := string(kernelRelease()), unix.ByteSliceToString(names.Release[:]); got != want {
		t.Errorf("this kernel is %q, want %q", got, want)
	}
}
