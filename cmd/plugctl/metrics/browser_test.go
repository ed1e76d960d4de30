// A test of the status page in a real browser.

package metrics

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// pageCase is what happens while a browser shows the page, and what is on it then.
type pageCase struct {
	change func(f *fake) // after the page was loaded
	cut    bool          // plugctl no longer answers after that
	want   []string
	not    string
}

var pageCases = map[string]pageCase{
	"changes": {
		change: func(f *fake) {
			s := f.sessions[0]
			s.Client = "10.9.9.9:999"
			f.sessions = append(f.sessions, s)
			f.metrics.Targets[0].State = "failed"
		},
		want: []string{"10.9.9.9:999", `class="state failed">failed</span>`},
		not:  "has not answered</strong>",
	},
	"plug away":    {change: func(f *fake) { f.leave("gone") }, want: []string{"has not answered</strong> since", "<title>no answer: plug 80</title>", `class="old"`}},
	"plugctl away": {cut: true, want: []string{`role="alert">No answer from plugctl since <span>`, `id="main" aria-live="off" class="old"`, "<title>no answer: plug 80</title>"}},
}

// Changes of the plug appear on the page without a reload, and the page shows
// when the plug, or plugctl itself, does not answer.
func TestPageInBrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium to show the page; the other tests parse it")
	}
	if testing.Short() {
		t.Skip("-short: a browser takes seconds")
	}
	for name, c := range pageCases {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithTimeout(context.Background(), time.Minute)
			defer stop()
			p := c.serve(t, ctx)
			dump := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu",
				"--user-data-dir="+t.TempDir(), "--virtual-time-budget=7000", "--dump-dom", p.url+"/")
			out, err := dump.Output()
			if err != nil {
				t.Fatal(err)
			}
			dom := string(out)
			for _, want := range c.want {
				if !strings.Contains(dom, want) {
					t.Errorf("no %q in the page", want)
				}
			}
			if c.not != "" && strings.Contains(dom, c.not) {
				t.Errorf("%q in the page", c.not)
			}
			if loads, updates := p.loads.Load(), p.updates.Load(); loads != 1 || updates < 2 {
				t.Errorf("%d loads, %d updates; expected one load, and at least 2 updates", loads, updates)
			}
			if t.Failed() {
				t.Log(dom)
			}
		})
	}
}

// servedPage is a served page, and how often a browser has asked for it and for its
// changing part.
type servedPage struct {
	url            string
	loads, updates atomic.Int64
}

// serve serves the page of a plug until the test's end, and has the case's change happen
// at the first update.
func (c *pageCase) serve(t *testing.T, ctx context.Context) *servedPage {
	t.Helper()
	f, p := busy(), new(servedPage)
	w := newWatch(f.plugs()[0], time.Second)
	var ahead atomic.Int64 // of the real time, ns
	w.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	go w.run(ctx)
	inner := (&site{plugs: f.plugs(), watches: []*watch{w}, timeout: time.Second}).handler()
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			p.loads.Add(1)
		case "/main":
			if p.updates.Add(1) == 1 && c.change != nil {
				ahead.Add(int64(fresh)) // so that the answer for the page itself is not fresh any more
				c.change(f)
			} else if c.cut {
				panic(http.ErrAbortHandler)
			}
		}
		inner.ServeHTTP(out, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}
