package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"daemon/plug/cmd/plugctl/show"
)

// Bounds of the listener: whoever is slow, or one of too many, waits or is cut
// off, and holds up nobody else.
const (
	maxConnections = 128
	maxScrapes     = 8
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = time.Minute
	maxHeader      = 16 << 10
	goodbye        = 2 * time.Second // for answers that are under way at the end
)

// serve answers on the listener until the context ends, and closes it.
func serve(ctx context.Context, listener net.Listener, plugs []*Plug, timeout time.Duration) error {
	w := newWatch(plugs[0], timeout)
	running, stop := context.WithCancel(context.Background()) // it answers until the last reader has gone
	defer stop()
	go w.run(running)
	server := &http.Server{
		Handler:           handler(w, plugs, timeout),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout + timeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(bounded(listener, maxConnections)) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	last, done := context.WithTimeout(context.Background(), goodbye)
	defer done()
	if err := server.Shutdown(last); err != nil {
		server.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func handler(w *watch, plugs []*Plug, timeout time.Duration) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(&collector{plugs: plugs, timeout: timeout})
	scrape := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", scrape)
	mux.HandleFunc("GET /healthz", w.health)
	w.pages(mux)
	return mux
}

// health is 200 while the plug answers and has a target for clients, 503 with
// the reason while it does not.
func (w *watch) health(out http.ResponseWriter, r *http.Request) {
	v, err := w.see(r.Context(), false)
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out.Header().Set("Cache-Control", "no-store")
	switch {
	case err != nil: // the client has gone
	case v.Reason != nil:
		out.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(out, "away since %s: %v\n", v.Away.Format(time.RFC3339), v.Reason)
	case v.Targets["good"] == 0:
		out.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(out, "no target is good: %s\n", show.Counts(v.Targets, targetStates))
	default:
		fmt.Fprintln(out, "ok")
	}
}

// bounded lets at most n connections of the listener live at a time; the others
// wait in the kernel's queue.
func bounded(l net.Listener, n int) net.Listener {
	return &boundedListener{Listener: l, places: make(chan struct{}, n)}
}

type boundedListener struct {
	net.Listener
	places chan struct{}
}

func (l *boundedListener) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &placed{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// placed is a connection that gives its place back when it is closed.
type placed struct {
	net.Conn
	leave func()
}

func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
