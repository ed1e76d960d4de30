package metrics

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"time"

	"daemon/plug/supervisor/control"
)

// The page is built of these files alone, and its policy lets a browser load
// nothing else: no script in a client's or target's name could run.
//
//go:embed page
var files embed.FS

const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"bytes": bytesText, "span": spanText, "seconds": secondsText, "clock": clockText,
	"count": countText, "rows": countRows, "percent": percentText,
}).ParseFS(files, "page/*.html"))

// whole is what the templates see of all plugs.
type whole struct {
	Plugs   []shown
	Title   string
	Away    bool // one of them is
	Refresh int  // seconds
}

// shown is what the templates see of one.
type shown struct {
	view
	Named  string // among several
	Now    time.Time
	Hidden int // sessions that the page has no room for
	States []string
}

// refresh is how often the page asks again.
const refresh = 2 * time.Second

func (s *site) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(out http.ResponseWriter, r *http.Request) { s.page(out, r, "page.html") })
	mux.HandleFunc("GET /main", func(out http.ResponseWriter, r *http.Request) { s.page(out, r, "main.html") })
	for name, kind := range map[string]string{"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"} {
		content, err := files.ReadFile("page/" + name)
		if err != nil {
			panic(err) // embedded above
		}
		mux.HandleFunc("GET /"+name, func(out http.ResponseWriter, _ *http.Request) {
			guard(out, kind)
			out.Write(content)
		})
	}
}

// page answers 200 also while a plug is away: the page says so itself.
func (s *site) page(out http.ResponseWriter, r *http.Request, name string) {
	views, err := s.views(r.Context(), true)
	if err != nil {
		return // the client has gone
	}
	all := whole{Title: "plug", Refresh: int(refresh / time.Second)}
	for i, v := range views {
		one := shown{view: v, Now: s.watches[i].now(), States: workerStates}
		if len(views) > 1 {
			one.Named = nameIn(s.plugs, i)
		}
		if v.Status != nil {
			one.Hidden = max(0, v.Status.Sessions-len(v.Sessions))
			all.Title += " " + v.Status.Label
		}
		all.Away = all.Away || one.Old()
		all.Plugs = append(all.Plugs, one)
	}
	var text bytes.Buffer
	if err := pages.ExecuteTemplate(&text, name, all); err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	guard(out, "text/html; charset=utf-8")
	out.Write(text.Bytes())
}

func guard(out http.ResponseWriter, kind string) {
	h := out.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// Old reports whether what is shown is of before the plug went away.
func (s shown) Old() bool { return !s.Away.IsZero() }

// Ended is the sum of all outcomes.
func (s shown) Ended() (n uint64) {
	for _, by := range s.Metrics.Ended {
		for _, of := range by {
			n += of
		}
	}
	return n
}

// Failures are the outcomes other than a complete session.
func (s shown) Failures() map[string]uint64 {
	of := map[string]uint64{}
	for outcome, by := range s.Metrics.Ended {
		for _, n := range by {
			if outcome != "complete" && n > 0 {
				of[outcome] += n
			}
		}
	}
	return of
}

// Used is how far a worker's state fills the limit, in percent.
func (s shown) Used() float64 {
	all := 0
	for _, n := range s.Status.Workers {
		all += n
	}
	return float64(all) / float64(max(1, s.Status.Limit)) * 100
}

// FailureRate is the part of a target's attempts that failed, in percent.
func (s shown) FailureRate(t control.Target) float64 {
	return float64(t.Failures) / float64(max(1, t.Connects)) * 100
}
