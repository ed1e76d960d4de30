// The status page: its templates, its files and what they show.

package metrics

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"time"

	"daemon/plug/supervisor/control"
)

// The page consists only of these files, and its policy lets a browser load
// nothing else: no script in the name of a client or target could run.
//
//go:embed page
var files embed.FS

const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"bytes": bytesText, "span": spanText, "seconds": secondsText, "clock": clockText,
	"count": countText, "rows": countRows, "percent": percentText,
}).ParseFS(files, "page/*.html"))

// whole is the data of all plugs for the templates.
type whole struct {
	Plugs   []shown
	Title   string
	Away    bool // at least one plug does not answer
	Refresh int  // seconds
}

// shown is the data of one plug for the templates.
type shown struct {
	view
	Named  string // its name, if there are several plugs
	Now    time.Time
	Hidden int // number of sessions beyond the page's limit
	States []string
}

// refresh is how often the page updates itself.
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

// page answers with 200 even if a plug does not answer: the page shows that.
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

// Old reports whether the data is from before the plug stopped answering.
func (s shown) Old() bool { return !s.Away.IsZero() }

// Ended is the number of ended sessions with any outcome.
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

// Used is how much of the limit the workers in a state use, in percent.
func (s shown) Used() float64 {
	all := 0
	for _, n := range s.Status.Workers {
		all += n
	}
	return float64(all) / float64(max(1, s.Status.Limit)) * 100
}

// FailureRate is the share of a target's attempts that failed, in percent.
func (s shown) FailureRate(t control.Target) float64 {
	return float64(t.Failures) / float64(max(1, t.Connects)) * 100
}
