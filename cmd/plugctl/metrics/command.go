// The command plugctl metrics: its flags, and serving until it is ended.

package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// UsageError is an error in the command line: nothing was done.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

// Setup is what the global options say.
type Setup struct {
	Plugs   []*Plug
	Timeout time.Duration // time limit for asking one plug
	JSON    bool
	Unit    func(address string) (string, error) // a systemd unit that serves at the address
}

// Command is plugctl metrics. An error of setup is a usage error.
func Command(setup func() (*Setup, error)) *cobra.Command {
	var address string
	var once, unit bool
	c := &cobra.Command{
		Use:   "metrics",
		Short: "Serve metrics for Prometheus and a status page over HTTP",
		Long: `Serve over HTTP, until INT or TERM:

  /          a status page that refreshes itself
  /metrics   for Prometheus; plug_up is 0 while a plug does not answer
  /healthz   200 if every plug answers and has a good target, else 503 and
             the reason

-s and -P may be given several times: one exporter serves all these plugs. Each
scrape queries their control sockets. There is no authentication: everyone who can
connect sees the plugs' clients and targets.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := setup()
			if err != nil {
				return err
			}
			if err := checkAddress(address); err != nil {
				return UsageError{fmt.Errorf("--listen %q: %w", address, err)}
			}
			switch {
			case once && unit:
				return UsageError{errors.New("--once and --unit cannot be combined")}
			case once:
				return s.once(parent(cmd), cmd.OutOrStdout())
			case unit:
				return s.printUnit(address, cmd.OutOrStdout())
			}
			return s.serve(parent(cmd), address, cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&address, "listen", "127.0.0.1:7584", "listen on `ADDR:PORT` (127.0.0.1:7584)")
	c.Flags().BoolVar(&once, "once", false, "print the metrics once and exit, for the textfile collector")
	c.Flags().BoolVar(&unit, "unit", false, "print a systemd unit for this command line and exit")
	return c
}

// checkAddress returns an error unless an address can be listened on. Host
// names are refused: their addresses may change, and looking them up takes
// time.
func checkAddress(text string) error {
	host, port, err := net.SplitHostPort(text)
	if n, bad := strconv.ParseUint(port, 10, 16); err == nil && bad == nil && strconv.FormatUint(n, 10) == port {
		if _, bad := netip.ParseAddr(host); bad == nil || host == "" {
			return nil
		}
	}
	return errors.New("must be ADDR:PORT with an IP address and a number, or :PORT for all addresses")
}

func (s *Setup) serve(ctx context.Context, address string, out io.Writer) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", address, bare(err))
	}
	url := fmt.Sprintf("http://%s/", listener.Addr())
	text := "plugctl: metrics on " + url + "\n"
	if s.JSON {
		text = string(show.JSON(map[string]any{"version": control.Version, "url": url}))
	}
	if err := print(out, text); err != nil {
		listener.Close()
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return serve(ctx, listener, newSite(s.Plugs, s.Timeout))
}

// bare returns the error without the operation and address that net puts
// before it.
func bare(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call interface{ Unwrap() error }
	if errors.As(err, &call) {
		return call.Unwrap()
	}
	return err
}

func parent(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
