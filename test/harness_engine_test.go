// Harness: which engine the tested binary has.

package test

import (
	"debug/buildinfo"
	"strings"
	"sync"
	"testing"
)

// isPortable reports whether the tested binary was built with -tags portable:
// its workers are those of the BSDs and macOS, on Go's network poller.
var isPortable = sync.OnceValue(func() bool {
	info, err := buildinfo.ReadFile(built)
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

// linuxEngineOnly skips tests of what only the Linux engine does, with the
// reason.
func linuxEngineOnly(t testing.TB, why string) {
	t.Helper()
	if isPortable() {
		t.Skip("the portable engine: " + why)
	}
}
