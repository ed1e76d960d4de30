// Tests of the status page and of the health check.

package metrics

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// visit returns the server's whole handler for a fake plug.
func visit(t *testing.T, f *fake) (get func(path string) (int, http.Header, string), c *clock) {
	t.Helper()
	w, c := watching(t, f)
	server := httptest.NewServer((&site{plugs: f.plugs(), watches: []*watch{w}, timeout: 50 * time.Millisecond}).handler())
	t.Cleanup(server.Close)
	return func(path string) (int, http.Header, string) {
		t.Helper()
		r, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, r.Header, string(body)
	}, c
}

// words returns the text that a reader sees, with single spaces.
func words(t *testing.T, text string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "script" {
			all = append(all, strings.Fields(n.Data)...)
		}
	}
	return strings.Join(all, " ")
}

func wants(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in: %s", want, text)
		}
	}
}

func TestPageShowsThePlug(t *testing.T) {
	get, _ := visit(t, busy())
	status, header, body := get("/")
	if status != 200 || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("status %d, %v", status, header)
	}
	text := words(t, body)
	wants(t, text, "plug 80", "running , mode prefork, master 4711, shepherd 4710, version 3.0.0+abc",
		"sessions 3", "accepted 1,234", "ended 1,231", "from clients 5.00 MiB", "from targets 7.00 GiB",
		"unreached 30", "[2001:db8::1]:80", "failed 12 s", "30 (11 %)", "connection refused",
		"10.1.2.3:40002", "2 min 20 s", "waiting 2")
	if strings.Contains(text, "does not answer") {
		t.Errorf("away: %s", text)
	}
}

// The page loads nothing from elsewhere, and what the plug sends is shown as
// text.
func TestPageIsItsOwn(t *testing.T) {
	f := busy()
	f.metrics.Targets[0].LastFailure = `<script src="http://203.0.113.1/x.js"></script>`
	f.sessions[0].Client = `"><img src=x onerror=alert(1)>`
	get, _ := visit(t, f)
	_, _, body := get("/")
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if (a.Key == "src" || a.Key == "href") && a.Val != "data:," {
				if strings.ContainsAny(a.Val, ":/") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				} else if code, _, _ := get("/" + a.Val); code != 200 {
					t.Errorf("%s answers %d", a.Val, code)
				}
			}
		}
		if n.Type == html.ElementNode && n.Data == "img" {
			t.Error("a client's name became an element")
		}
	}
}

func TestPageWhileAway(t *testing.T) {
	f := busy()
	get, c := visit(t, f)
	get("/")
	f.leave("connect: no such file or directory")
	c.pass(5 * time.Second)
	get("/main")
	c.pass(2 * time.Minute)
	_, _, body := get("/")
	text := words(t, body)
	wants(t, text, "The plug has not answered since", "(2 min 0 s)", "no such file or directory", "is old, from", "was running", "accepted 1,234")
	wants(t, body, "<title>no answer: plug 80</title>", `class="old"`)
	f.back()
	c.pass(2 * time.Second)
	if _, _, body = get("/main"); strings.Contains(body, "away") {
		t.Errorf("back, but: %s", words(t, body))
	}
}

func TestPageOfAPlugThatWasNeverThere(t *testing.T) {
	f := busy()
	f.leave("gone")
	get, _ := visit(t, f)
	_, _, body := get("/")
	wants(t, words(t, body), "The plug has not answered since", "has never answered since plugctl metrics was started")
}

func TestHealth(t *testing.T) {
	f := busy()
	get, c := visit(t, f)
	if status, _, body := get("/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("%d %q", status, body)
	}
	f.status.Targets = map[string]int{"failing": 2, "disabled": 1}
	c.pass(time.Minute)
	if status, _, body := get("/healthz"); status != 503 || body != "no good target: 2 failing, 1 disabled\n" {
		t.Errorf("%d %q", status, body)
	}
	f.leave("gone")
	c.pass(time.Minute)
	if status, _, body := get("/healthz"); status != 503 || !strings.HasSuffix(body, ": gone\n") {
		t.Errorf("%d %q", status, body)
	}
}

func TestOtherPaths(t *testing.T) {
	get, _ := visit(t, busy())
	if status, _, body := get("/metrics"); status != 200 || !strings.Contains(body, "plug_up{plug=\"80\"} 1\n") {
		t.Errorf("/metrics: %d", status)
	}
	for _, path := range []string{"/x", "/page/", "/page.html", "/../ask.go"} {
		if status, _, _ := get(path); status != 404 {
			t.Errorf("%s: %d, want 404", path, status)
		}
	}
}

func TestText(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.00 KiB", 10239: "10.0 KiB", 1<<20 - 1: "1.00 MiB", 5 << 30: "5.00 GiB", 1<<64 - 1: "16.0 EiB",
		200 << 10: "200 KiB",
	} {
		if got := bytesText(n); got != want {
			t.Errorf("bytes %d: %s, want %s", n, got, want)
		}
	}
	for s, want := range map[float64]string{
		-1: "0 s", 0: "0 ms", 0.2504: "250 ms", 3.14: "3.1 s", 59.9: "59 s", 61: "1 min 1 s", 7260: "2 h 1 min", 90000: "1 d 1 h",
	} {
		if got := secondsText(s); got != want {
			t.Errorf("seconds %v: %s, want %s", s, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := countText(n); got != want {
			t.Errorf("count %d: %s, want %s", n, got, want)
		}
	}
}

// The page of several plugs shows each, and says which one does not answer;
// the health check succeeds only if all are healthy.
func TestPageOfSeveralPlugs(t *testing.T) {
	a, b := busy(), busy()
	b.status.Label = "443"
	plugs := append(a.plugs(), &Plug{Place: "/run/b.ctl", Ask: b.ask})
	s := newSite(plugs, 50*time.Millisecond)
	c := &clock{at: time.Now()}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	for _, w := range s.watches {
		w.now = c.now
		go w.run(ctx)
	}
	get := func(path string) (int, string) {
		out := httptest.NewRecorder()
		s.handler().ServeHTTP(out, httptest.NewRequest("GET", path, nil))
		return out.Code, out.Body.String()
	}
	_, body := get("/")
	wants(t, body, "<title>plug 80 443</title>", "plug <b>80</b>", "plug <b>443</b>")
	if code, body := get("/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("%d %q", code, body)
	}
	b.leave("gone")
	c.pass(2 * time.Second)
	_, body = get("/")
	wants(t, body, "<title>no answer: plug 80 443</title>", "The plug 443 has not answered</strong> since", "plug <b>80</b>")
	if strings.Count(body, "has not answered") != 1 {
		t.Errorf("both are away: %s", body)
	}
	if code, body := get("/healthz"); code != 503 || !strings.HasPrefix(body, "443: no answer since ") || strings.Count(body, "\n") != 1 {
		t.Errorf("%d %q", code, body)
	}
}
