// Tests of the exporter: counters against session lines, the page, health.

package control

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// exporter is a running plugctl metrics.
type exporter struct {
	t    testing.TB
	url  string
	plug string // its label
	cmd  *exec.Cmd
}

// export starts plugctl metrics on a plug's control socket.
func export(p *harness.Plug, args ...string) *exporter {
	p.T.Helper()
	cmd := exec.Command(harness.CtlProgram(p.T), append([]string{"metrics", "--listen", "127.0.0.1:0", "-s", p.Ctl()}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.T.Fatal(err)
	}
	errs := &bytes.Buffer{}
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		end := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		defer end.Stop()
		if err := cmd.Wait(); err != nil {
			p.T.Errorf("plugctl metrics, ended by TERM: %v: %s", err, errs)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url := regexp.MustCompile(`http://\S+/`).FindString(line)
	if url == "" {
		p.T.Fatalf("plugctl metrics says %q (%v): %s", line, err, errs)
	}
	return &exporter{t: p.T, url: url, plug: fmt.Sprintf("plug=%q", fmt.Sprint(p.Port)), cmd: cmd}
}

func (e *exporter) get(path string) (status int, body string) {
	e.t.Helper()
	client := http.Client{Timeout: 30 * time.Second}
	r, err := client.Get(e.url + path)
	if err != nil {
		e.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// scrape is every series of /metrics by its name with labels, which are
// sorted. The label plug, which all have, is removed, and so are the braces if
// it is the only one.
func (e *exporter) scrape() map[string]float64 {
	e.t.Helper()
	status, body := e.get("metrics")
	if status != 200 {
		e.t.Fatalf("/metrics answers %d: %s", status, body)
	}
	series := map[string]float64{}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimSuffix(line, "\n")
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			e.t.Fatalf("%q: %v", line, err)
		}
		name, found := line[:at], false
		for _, p := range []string{e.plug + ",", "," + e.plug, "{" + e.plug + "}"} {
			if before, after, cut := strings.Cut(name, p); cut && !found {
				name, found = before+after, true
			}
		}
		if !found {
			e.t.Fatalf("%q has no label %s", line, e.plug)
		}
		if _, twice := series[name]; twice {
			e.t.Fatalf("%q is there twice", name)
		}
		series[name] = value
	}
	return series
}

// After sessions of every kind, and two upgrades among them, the metrics agree
// with the session lines, and none has decreased.
func TestMetricsAgreeWithSessionLines(t *testing.T) {
	t.Parallel()
	in := []string{"prefork"}
	if harness.Soak() {
		in = harness.Modes
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.WithControl(target)...)
		e := export(p)
		n := harness.Count(10000)
		stop := watchCounters(t, e)
		sessionsOfAllKinds(t, p, n)
		lines := p.Lines(n)
		stop()
		var got map[string]float64
		ended := func() (sum float64) {
			for name, value := range got {
				if strings.HasPrefix(name, "plug_sessions_ended_total{") {
					sum += value
				}
			}
			return sum
		}
		harness.Await(t, "all sessions to be counted as ended", harness.LongWait, func() bool {
			got = e.scrape()
			return ended() == float64(n) && got["plug_sessions"] == 0
		})
		compareWithLines(t, got, lines, target)
		if promtool, err := exec.LookPath("promtool"); err == nil {
			_, body := e.get("metrics")
			check := exec.Command(promtool, "check", "metrics")
			check.Stdin = strings.NewReader(body)
			if said, err := check.CombinedOutput(); err != nil || len(said) > 0 {
				t.Errorf("promtool check metrics: %v: %s", err, said)
			}
		}
	}, in...)
}

// watchCounters checks that no counter decreases, until the returned function is
// called.
func watchCounters(t *testing.T, e *exporter) (stop func()) {
	var over atomic.Bool
	var watching sync.WaitGroup
	watching.Go(func() {
		last := map[string]float64{}
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ; !over.Load(); <-tick.C {
			now := e.scrape()
			for name, value := range last {
				if strings.Contains(name, "_total") && !strings.Contains(name, "master") && now["plug_up"] == 1 && now[name] < value {
					t.Errorf("%s went back from %v to %v", name, value, now[name])
				}
			}
			if now["plug_up"] == 1 {
				last = now
			}
		}
	})
	return func() {
		over.Store(true)
		watching.Wait()
	}
}

// sessionsOfAllKinds opens and ends n sessions, a tenth of them by a reset, with
// two upgrades among them.
func sessionsOfAllKinds(t *testing.T, p *harness.Plug, n int) {
	session := func(i int) error {
		c := harness.Dial(t, p.Addr())
		defer c.Close()
		if i%10 == 0 { // ended by a reset
			c.SetLinger(0)
			return harness.Ping(c)
		}
		if _, err := c.Write(make([]byte, 1+i%300)); err != nil {
			return err
		}
		return harness.Finish(c)
	}
	const parts, atOnce = 3, 16
	for part := range parts {
		next := atomic.Int64{}
		next.Store(int64(n * part / parts))
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				for i := next.Add(1) - 1; i < int64(n*(part+1)/parts); i = next.Add(1) - 1 {
					if err := session(int(i)); err != nil {
						t.Errorf("session %d: %v", i, err)
					}
				}
			})
		}
		if part > 0 { // while sessions come and go
			p.Upgrade([]string{harness.NextVersion, harness.ThisVersion}[part-1])
		}
		all.Wait()
	}
}

// compareWithLines compares the metrics with the lines of all sessions.
func compareWithLines(t *testing.T, got map[string]float64, lines []harness.SessionLine, target string) {
	t.Helper()
	of := func(name string) string { return fmt.Sprintf("%s{target=%q}", name, target) }
	n := len(lines)
	var bytesIn, bytesOut int64
	var took time.Duration
	for _, l := range lines {
		bytesIn, bytesOut, took = bytesIn+l.In, bytesOut+l.Out, took+l.Took
	}
	for name, want := range map[string]float64{
		"plug_up": 1, "plug_sessions_accepted_total": float64(n), "plug_session_duration_seconds_count": float64(n),
		of("plug_client_received_bytes_total"): float64(bytesIn), of("plug_target_received_bytes_total"): float64(bytesOut),
		of("plug_session_connect_duration_seconds_count"): float64(n),
		`plug_upgrades_total{outcome="done"}`:             2, `plug_upgrades_total{outcome="failed"}`: 0, "plug_session_log_lines_lost_total": 0,
		`plug_sessions_ended_total{cause="client",outcome="complete"}`: float64(n - (n+9)/10),
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if sum := got["plug_session_duration_seconds_sum"]; sum < took.Seconds()*0.99-0.01 || sum > took.Seconds()*1.01+0.01 {
		t.Errorf("durations sum up to %v s, those of the session lines to %v", sum, took)
	}
}

// shows waits until the exporter answers a path with a status and all the texts.
func (e *exporter) shows(path string, status int, want ...string) {
	e.t.Helper()
	var got int
	var body, missing string
	if !harness.HoldsWithin(harness.LongWait, func() bool {
		got, body = e.get(path)
		missing = ""
		for _, w := range want {
			if !strings.Contains(body, w) {
				missing = w
			}
		}
		return got == status && missing == ""
	}) {
		e.t.Fatalf("/%s: %d, want %d; no %q in\n%s", path, got, status, missing, body)
	}
}

// The page and the health check answer while the plug runs, is stopped, is
// killed and is restarted.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	e := export(p, "--timeout", "500ms")
	held := harness.Hold(t, p, 3)
	shows := func(path string, status int, want ...string) { t.Helper(); e.shows(path, status, want...) }
	for _, c := range held {
		shows("", 200, c.LocalAddr().String())
	}
	shows("", 200, fmt.Sprintf("plug <b>%d</b>", p.Port), fmt.Sprint("master ", p.Master), "<dt>sessions</dt><dd>3</dd>")
	shows("healthz", 200, "ok")

	// A stopped master does not answer; its sessions continue.
	syscall.Kill(p.Master, syscall.SIGSTOP)
	t.Cleanup(func() { syscall.Kill(p.Master, syscall.SIGCONT) })
	shows("main", 200, "has not answered</strong> since", "was running", held[0].LocalAddr().String())
	shows("healthz", 503, "no answer since")
	if up, ok := e.scrape()["plug_up"]; !ok || up != 0 {
		t.Errorf("plug_up is %v, %v, while the master is stopped", up, ok)
	}
	harness.MustPing(t, held[0])
	syscall.Kill(p.Master, syscall.SIGCONT)
	shows("healthz", 200, "ok")
	if body := func() string { _, b := e.get("main"); return b }(); strings.Contains(body, "has not answered") {
		t.Errorf("the master goes on, but: %s", body)
	}

	for _, c := range held {
		harness.Finish(c)
	}
	p.Lines(3)
	p.Signal(syscall.SIGTERM)
	p.Wait(10 * time.Second)
	shows("main", 200, "has not answered</strong> since", "control socket")
	if len(e.scrape()) != 1 {
		t.Errorf("more than plug_up while the plug is away: %v", e.scrape())
	}
	if _, err := os.Stat(p.Pidfile); !os.IsNotExist(err) {
		t.Errorf("pidfile: %v", err)
	}
	p.Gone(5 * time.Second)
	p.Args = p.Args[1:] // -n, which foreground added
	p.Foreground()
	shows("", 200, fmt.Sprint("master ", p.Master), "<dt>sessions</dt><dd>0</dd>")
}
