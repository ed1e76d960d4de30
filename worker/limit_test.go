// A shortage is reported with its limit.

package worker

import (
	"strings"
	"syscall"
	"testing"
)

// An error for a lack of something names the limit that was reached, and a wrong -p is
// not mistaken for a shortage.
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
