package metrics

import (
	"context"
	"fmt"
	"net"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Command is plugctl metrics. connect makes what asks the plug, and how long
// that may take in all, from the options of the root; its error is one of the
// command line.
func Command(connect func() ([]*Plug, time.Duration, error)) *cobra.Command {
	var address string
	c := &cobra.Command{
		Use:   "metrics",
		Short: "Serve metrics for Prometheus and a status page over HTTP",
		Long: `Serve over HTTP, until it is ended by INT or TERM:

  /          a status page that refreshes itself
  /metrics   for Prometheus; plug_up is 0 while the plug does not answer
  /healthz   200 while the plug answers and a target is good, else 503 and the reason

Each scrape asks the plug's control socket. There is no password: whoever can
connect sees the plug's clients and targets.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plugs, timeout, err := connect()
			if err != nil {
				return err
			}
			listener, err := net.Listen("tcp", address)
			if err != nil {
				return fmt.Errorf("--listen %q: %w; want ADDR:PORT or :PORT, free", address, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "plugctl: metrics on http://%s/\n", listener.Addr())
			ctx, stop := signal.NotifyContext(parent(cmd), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return serve(ctx, listener, plugs, timeout)
		},
	}
	c.Flags().StringVar(&address, "listen", "127.0.0.1:7584", "listen on `ADDR:PORT` (127.0.0.1:7584)")
	return c
}

func parent(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
