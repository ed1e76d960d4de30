//go:build linux

// A test of parsing mountinfo.

package cgroup

import "testing"

func TestParseMounts(t *testing.T) {
	const (
		v1    = "30 25 0:26 / /cg/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
		mem   = "31 25 0:27 / /cg/memory rw - cgroup cgroup rw,memory\n"
		v2    = "32 25 0:28 / /cg/unified rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		other = "22 1 254:1 / / rw,relatime - ext4 /dev/root rw\n33 25 0:29 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n"
	)
	for _, c := range []struct {
		name, mountinfo string
		want            mounts
	}{
		{"version 1", other + v1 + mem, mounts{"/cg/cpu,cpuacct", "/cg/memory", ""}},
		{"version 2", other + v2, mounts{"", "", "/cg/unified"}},
		{"both", v2 + v1 + other, mounts{"/cg/cpu,cpuacct", "", "/cg/unified"}},
		{"none", other, mounts{}},
		{"cut lines", "30 25\n - cgroup\n", mounts{}},
	} {
		if got := parseMounts(c.mountinfo); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}
