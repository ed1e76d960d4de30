// Harness: plugs of a configuration file.

package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// PrepareFile is Prepare for plugs of a file, DIR/site.hcl, whose values for the process
// are added to the text. In it, {port} stands for the port that is waited for, and {dir}
// for the directory.
func PrepareFile(t testing.TB, text string) *Plug {
	t.Helper()
	p := Prepare(t, "", "{port}")
	p.Args = []string{"--config", filepath.Join(p.Dir, "site.hcl")}
	p.Configure(text)
	return p
}

// Configure writes the file of a plug that PrepareFile has made.
func (p *Plug) Configure(text string) {
	p.T.Helper()
	text = strings.NewReplacer("{port}", strconv.Itoa(p.Port), "{dir}", p.Dir).Replace(text)
	text = fmt.Sprintf("pidfile     = %q\nsession-log = %q\nsyslog      = %q\ncontrol     = %q\n\n%s",
		p.Pidfile, p.Sessions, p.Syslog.Path, p.Ctl(), text)
	if err := os.WriteFile(filepath.Join(p.Dir, "site.hcl"), []byte(text), 0o600); err != nil {
		p.T.Fatal(err)
	}
}
