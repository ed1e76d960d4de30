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
)

// run runs a peer's client to its end, within a minute.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program(t, name), args...)
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s%s", cmd.Args, err, tail(string(out), 2000), &errs)
	}
	return string(out)
}

func TestCurlFromNginx(t *testing.T) {
	t.Parallel()
	program(t, "nginx")
	dir, port := openDir(t), freePort(t)
	whole := make([]byte, 16<<20)
	stream(5).Read(whole)
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
	daemonize(t, port, "nginx", "-p", dir+"/", "-c", "conf", "-e", "stderr")
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, fmt.Sprintf("127.0.0.1:%d", port))
		got := filepath.Join(openDir(t), "got")
		run(t, "curl", "-sS", "--fail", "-o", got, "http://"+p.addr()+"/big")
		b, err := os.ReadFile(got)
		if err != nil || sha256.Sum256(b) != sha256.Sum256(whole) {
			t.Errorf("curl got %d bytes, %v", len(b), err)
		}
		// One connection for each, many at a time, then all over one
		// connection.
		n := count(500)
		urls := fmt.Sprintf("http://%s/small?[1-%d]", p.addr(), n)
		for _, how := range [][]string{{"-Z", "--parallel-max", "8", "-H", "Connection: close"}, {}} {
			out := run(t, "curl", append(how, "-sS", "--fail", urls)...)
			if out != strings.Repeat("small\n", n) {
				t.Errorf("%v: %d of %d bytes", how, len(out), 6*n)
			}
		}
		p.lines(1 + n + 1)
	})
}

func TestIperf3(t *testing.T) {
	port := freePort(t)
	daemonize(t, port, "iperf3", "-s", "-B", "127.0.0.1", "-p", fmt.Sprint(port))
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, fmt.Sprintf("127.0.0.1:%d", port))
		for _, way := range [][]string{nil, {"-R"}} {
			out := run(t, "iperf3", append(way, "-c", "127.0.0.1", "-p", fmt.Sprint(p.port), "-P", "4", "-t", "1", "-J")...)
			var result struct {
				Error string
				End   struct {
					Streams     []any
					SumReceived struct{ Bytes float64 } `json:"sum_received"`
				}
			}
			if err := json.Unmarshal([]byte(out), &result); err != nil {
				t.Fatalf("%v: %s", err, tail(out, 500))
			}
			if result.Error != "" || len(result.End.Streams) != 4 || result.End.SumReceived.Bytes < 100<<20 {
				t.Errorf("%v: %q, %d streams, %.0f bytes", way, result.Error, len(result.End.Streams), result.End.SumReceived.Bytes)
			}
		}
		p.lines(2 * 5)
	})
}

func TestRedisBenchmark(t *testing.T) {
	port := freePort(t)
	daemonize(t, port, "redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(port),
		"--save", "", "--appendonly", "no", "--dir", openDir(t))
	n := scaled(100_000, 4_000)
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, "-l", fmt.Sprintf("127.0.0.1:%d", port))
		for _, how := range [][]string{
			{"-n", fmt.Sprint(n)},                 // kept connections
			{"-n", fmt.Sprint(n / 50), "-k", "0"}, // one per request
		} {
			out := run(t, "redis-benchmark", append(how, "-h", "127.0.0.1", "-p", fmt.Sprint(p.port),
				"-c", "20", "-t", "ping,set,get,lrange_100", "--csv")...)
			if strings.Contains(strings.ToLower(out), "error") || strings.Count(out, "\n") < 5 {
				t.Errorf("%v: %s", how, tail(out, 500))
			}
		}
		if r, bad := p.syslog.find(`.*status=[24]\.`); bad {
			t.Errorf("a session failed: %v", r)
		}
	})
}
