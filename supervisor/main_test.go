// The tests of this package start it again as a scribe, as a master does.

package supervisor

import (
	"os"
	"testing"

	"daemon/plug/supervisor/scribe"
)

func TestMain(m *testing.M) {
	if os.Args[0] == scribe.Arg0 {
		os.Exit(scribe.Main())
	}
	os.Exit(m.Run())
}
