// The handlers of the HTTP server, and the health check.

package metrics

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"daemon/plug/cmd/plugctl/show"
)

// site is the data that is served: the plugs, and a watch for each.
type site struct {
	plugs   []*Plug
	watches []*watch
	timeout time.Duration
}

func newSite(plugs []*Plug, timeout time.Duration) *site {
	s := &site{plugs: plugs, timeout: timeout}
	for _, p := range plugs {
		s.watches = append(s.watches, newWatch(p, timeout))
	}
	return s
}

// registry returns the registry for a scrape.
func (s *site) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(&collector{plugs: s.plugs, timeout: s.timeout})
	return r
}

func (s *site) handler() http.Handler {
	scrape := promhttp.HandlerFor(s.registry(), promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", scrape)
	mux.HandleFunc("GET /healthz", s.health)
	s.pages(mux)
	return mux
}

// views returns what is known of each plug, at most a second old. An error
// means that the client has gone.
func (s *site) views(ctx context.Context, everything bool) ([]view, error) {
	views, errs := make([]view, len(s.watches)), make([]error, len(s.watches))
	var all sync.WaitGroup
	for i, w := range s.watches {
		all.Go(func() { views[i], errs[i] = w.see(ctx, everything) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return views, nil
}

// health answers 200 if every plug answers and has a target for clients,
// otherwise 503 with the reasons.
func (s *site) health(out http.ResponseWriter, r *http.Request) {
	views, err := s.views(r.Context(), false)
	if err != nil {
		return // the client has gone
	}
	text := ""
	for i, v := range views {
		if why := v.sick(); why != "" {
			if len(views) > 1 {
				text += nameIn(s.plugs, i) + ": "
			}
			text += why + "\n"
		}
	}
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out.Header().Set("Cache-Control", "no-store")
	if text != "" {
		out.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(out, text)
		return
	}
	fmt.Fprintln(out, "ok")
}

// sick is the reason why the plug serves no clients, if known; "" if it
// serves.
func (v *view) sick() string {
	switch {
	case v.Reason != nil:
		return fmt.Sprintf("no answer since %s: %v", v.Away.Format(time.RFC3339), v.Reason)
	case v.Targets["good"] == 0:
		return "no good target: " + show.Counts(v.Targets, targetStates)
	}
	return ""
}
