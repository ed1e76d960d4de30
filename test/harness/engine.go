// Harness: which engine the tested binary has.

package harness

import (
	"debug/buildinfo"
	"strings"
	"sync"
	"testing"
)

// IsPortable reports whether the tested binary was built with -tags portable:
// its workers are those of the BSDs and macOS, on Go's network poller.
var IsPortable = sync.OnceValue(func() bool {
	info, err := buildinfo.ReadFile(Binary)
	if err != nil {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-tags" && strings.Contains(s.Value, "portable") {
			return true
		}
	}
	return false
})

// LinuxEngineOnly skips tests of what only the Linux engine does, with the
// reason.
func LinuxEngineOnly(t testing.TB, why string) {
	t.Helper()
	if IsPortable() {
		t.Skip("the portable engine: " + why)
	}
}
