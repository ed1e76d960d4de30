// A shortage is told with its limit.

package worker

import (
	"strings"
	"syscall"
	"testing"
)

// What can't be had is told with the limit that it is of, and a wrong -p is not
// taken for a shortage.
func TestConnectLimit(t *testing.T) {
	for _, tt := range []struct {
		what  string
		errno syscall.Errno
		want  string
	}{
		{"", syscall.EADDRNOTAVAIL, "(no free local port: "},
		{"bind 192.0.2.1", syscall.EADDRNOTAVAIL, "(not an address of this host)"},
		{"", syscall.ECONNREFUSED, ""},
		{"socket", syscall.EMFILE, "RLIMIT_NOFILE"},
	} {
		if said := connectLimit(tt.what, tt.errno); !strings.Contains(said, tt.want) || tt.want == "" && strings.Contains(said, "(") {
			t.Errorf("%q, %v: %q, want %q", tt.what, tt.errno, said, tt.want)
		}
	}
}
