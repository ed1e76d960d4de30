// TestLastBytes with other proxies, for comparison.

package lastbytes

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// How other programs behave in the same scenarios: printed, not asserted, and
// only in the soak, since some of them hang. Scenarios with urgent bytes are
// separate and come last: HAProxy spins after one, and a busy processor would
// affect its results.
func TestLastBytesOfOthers(t *testing.T) {
	if !harness.Soak() {
		t.Skip("PLUG_SOAK=1 compares with others")
	}
	kinds := map[bool][]scenario{}
	seed := harness.SeedOf(t)
	for i := range uint64(200) {
		s := scenarioOf(seed + i)
		urgent := s.client.does(urges) || s.target.does(urges)
		kinds[urgent] = append(kinds[urgent], s)
	}
	for _, name := range []string{"haproxy", "nginx", "socat"} {
		t.Run(name, func(t *testing.T) { playOther(t, name, kinds[false]) })
		t.Run(name+", urgent bytes", func(t *testing.T) { playOther(t, name, kinds[true]) })
	}
}

// playOther plays scenarios through another program, counts the successful
// ones, and shows some of the others.
func playOther(t *testing.T, name string, scenarios []scenario) {
	found := make([]faults, len(scenarios))
	next := make(chan int)
	var all sync.WaitGroup
	for range lanes {
		l := openLane(t)
		l.to = startOther(t, name, l.to)
		l.bound = 5 * time.Second
		all.Go(func() {
			for i := range next {
				found[i] = l.play(scenarios[i])
			}
		})
	}
	for i := range found {
		next <- i
	}
	close(next)
	all.Wait()
	right, shown := 0, 0
	for i, f := range found {
		if len(f) == 0 {
			right++
		} else if shown++; shown <= 3 {
			t.Logf("%v\n\t%s", scenarios[i], strings.Join(f, "\n\t"))
		}
	}
	t.Logf("right: %d of %d scenarios", right, len(scenarios))
}

// startOther starts another program that relays to a target, and returns its
// address.
func startOther(t *testing.T, name, target string) string {
	t.Helper()
	port, dir := harness.FreePort(t), harness.OpenDir(t)
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	conf := filepath.Join(dir, "conf")
	text, args := "", []string(nil)
	switch name {
	case "haproxy":
		args = []string{"-db", "-f", conf}
		text = fmt.Sprintf("defaults\n mode tcp\n option splice-auto\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n"+
			"listen l\n bind %s\n server target %s\n", at, target)
	case "nginx":
		args = []string{"-p", dir, "-c", conf, "-e", "stderr"}
		text = fmt.Sprintf("%sdaemon off; master_process off; pid nginx.pid; error_log stderr crit; events { }\n"+
			"stream { server { listen %s; proxy_pass %s; } }\n", streamModule(t), at, target)
	case "socat":
		args = []string{fmt.Sprintf("TCP4-LISTEN:%d,bind=127.0.0.1,reuseaddr,fork,backlog=4096", port), "TCP4:" + target}
	}
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	harness.Daemonize(t, port, name, args...)
	return at
}

// streamModule is the directive that loads nginx's module for TCP, if that is
// a separate file.
func streamModule(t *testing.T) string {
	t.Helper()
	built, _ := exec.Command(harness.Program(t, "nginx"), "-V").CombinedOutput()
	if slices.Contains(strings.Fields(string(built)), "--with-stream") {
		return ""
	}
	const file = "/usr/lib/nginx/modules/ngx_stream_module.so"
	if _, err := os.Stat(file); err != nil {
		t.Skip("nginx has no stream module")
	}
	return "load_module " + file + ";\n"
}
