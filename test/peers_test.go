// Tests with other programs: curl and nginx, iperf3, redis.

package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// run runs a peer's client to its end, within a minute.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(harness.Program(t, name), args...)
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s%s", cmd.Args, err, harness.Tail(string(out), 2000), &errs)
	}
	return string(out)
}

func TestCurlFromNginx(t *testing.T) {
	t.Parallel()
	harness.Program(t, "nginx")
	dir, port := harness.OpenDir(t), harness.FreePort(t)
	whole := make([]byte, 16<<20)
	harness.Stream(5).Read(whole)
	for name, b := range map[string][]byte{
		"big":   whole,
		"small": []byte("small\n"),
		"conf": fmt.Appendf(nil, `
			daemon off; master_process off; pid nginx.pid; error_log stderr;
			events { worker_connections 1000; }
			http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;
				uwsgi_temp_path u; scgi_temp_path s;
				server { listen 127.0.0.1:%d; root .; } }`, port),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	harness.Daemonize(t, port, "nginx", "-p", dir+"/", "-c", "conf", "-e", "stderr")
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, fmt.Sprintf("127.0.0.1:%d", port))
		got := filepath.Join(harness.OpenDir(t), "got")
		run(t, "curl", "-sS", "--fail", "-o", got, "http://"+p.Addr()+"/big")
		b, err := os.ReadFile(got)
		if err != nil || sha256.Sum256(b) != sha256.Sum256(whole) {
			t.Errorf("curl got %d bytes, %v", len(b), err)
		}
		// One connection for each, many at a time, then all over one
		// connection.
		n := harness.Count(500)
		urls := fmt.Sprintf("http://%s/small?[1-%d]", p.Addr(), n)
		for _, how := range [][]string{{"-Z", "--parallel-max", "8", "-H", "Connection: close"}, {}} {
			out := run(t, "curl", append(how, "-sS", "--fail", urls)...)
			if out != strings.Repeat("small\n", n) {
				t.Errorf("%v: %d of %d bytes", how, len(out), 6*n)
			}
		}
		p.Lines(1 + n + 1)
	})
}

func TestIperf3(t *testing.T) {
	port := harness.FreePort(t)
	harness.Daemonize(t, port, "iperf3", "-s", "-B", "127.0.0.1", "-p", fmt.Sprint(port))
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, fmt.Sprintf("127.0.0.1:%d", port))
		for _, way := range [][]string{nil, {"-R"}} {
			out := run(t, "iperf3", append(way, "-c", "127.0.0.1", "-p", fmt.Sprint(p.Port), "-P", "4", "-t", "1", "-J")...)
			var result struct {
				Error string
				End   struct {
					Streams     []any
					SumReceived struct{ Bytes float64 } `json:"sum_received"`
				}
			}
			if err := json.Unmarshal([]byte(out), &result); err != nil {
				t.Fatalf("%v: %s", err, harness.Tail(out, 500))
			}
			if result.Error != "" || len(result.End.Streams) != 4 || result.End.SumReceived.Bytes < 100<<20 {
				t.Errorf("%v: %q, %d streams, %.0f bytes", way, result.Error, len(result.End.Streams), result.End.SumReceived.Bytes)
			}
		}
		p.Lines(2 * 5)
	})
}

func TestRedisBenchmark(t *testing.T) {
	t.Parallel()
	port := harness.FreePort(t)
	harness.Daemonize(t, port, "redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(port),
		"--save", "", "--appendonly", "no", "--dir", harness.OpenDir(t))
	n := harness.Scaled(100_000, 4_000)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, "-l", fmt.Sprintf("127.0.0.1:%d", port))
		for _, how := range [][]string{
			{"-n", fmt.Sprint(n)},                 // kept connections
			{"-n", fmt.Sprint(n / 50), "-k", "0"}, // one per request
		} {
			out := run(t, "redis-benchmark", append(how, "-h", "127.0.0.1", "-p", fmt.Sprint(p.Port),
				"-c", "20", "-t", "ping,set,get,lrange_100", "--csv")...)
			if strings.Contains(strings.ToLower(out), "error") || strings.Count(out, "\n") < 5 {
				t.Errorf("%v: %s", how, harness.Tail(out, 500))
			}
		}
		if r, bad := p.Syslog.Find(`.*status=[24]\.`); bad {
			t.Errorf("a session failed: %v", r)
		}
	})
}
