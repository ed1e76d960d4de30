package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"daemon/plug/supervisor/control"
)

func (c *ctl) targetCommand() *cobra.Command {
	group := onlyGroup(&cobra.Command{
		Use:   "target COMMAND",
		Short: "Give a target clients or none",
	})
	for _, v := range []struct{ name, state, short string }{
		{"disable", "disabled", "Give a target no new sessions"},
		{"drain", "draining", "Give a target only sessions of clients that keep it by -f"},
		{"enable", "enabled", "Give a target sessions again"},
	} {
		group.AddCommand(&cobra.Command{
			Use:   v.name + " TARGET",
			Short: v.short,
			Args:  cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return c.do(control.Request{Verb: control.SetTarget, Target: args[0], State: v.state})
			},
			ValidArgsFunction: c.completeTargets,
		})
	}
	return group
}

func (c *ctl) acceptCommand() *cobra.Command {
	group := onlyGroup(&cobra.Command{
		Use:   "accept COMMAND",
		Short: "Accept clients or let them wait",
	})
	group.AddCommand(
		c.orderCommand("pause", "Accept nobody: new clients wait, sessions go on", control.Request{Verb: control.SetAccept, State: "paused"}),
		c.orderCommand("resume", "Accept clients again", control.Request{Verb: control.SetAccept, State: "open"}),
	)
	return group
}

func (c *ctl) reloadCommand() *cobra.Command {
	return c.orderCommand("reload", "Reload, as SIGHUP does", control.Request{Verb: control.Reload})
}

func (c *ctl) reopenCommand() *cobra.Command {
	return c.orderCommand("reopen", "Reopen the session file and syslog, as SIGUSR1 does", control.Request{Verb: control.Reopen})
}

// orderCommand is a command without arguments or flags: one request.
func (c *ctl) orderCommand(name, short string, request control.Request) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return c.do(request) },
	}
}

func (c *ctl) upgradeCommand() *cobra.Command {
	return c.orderCommand("upgrade", "Upgrade to the program on disk, as SIGUSR2 does, and wait for it", control.Request{Verb: control.Upgrade})
}

func (c *ctl) stopCommand() *cobra.Command {
	var drain bool
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Free the port and stop, as SIGTERM does; sessions live on",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return c.do(control.Request{Verb: control.Stop, Drain: drain})
		},
	}
	cmd.Flags().BoolVar(&drain, "drain", false, "wait for the sessions first, as SIGQUIT does")
	return cmd
}

func (c *ctl) logLevelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "log-level 0|1|2",
		Short: "Log as with so many -d",
		Args:  cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(_ *cobra.Command, args []string) error {
			level, err := strconv.Atoi(args[0])
			if err != nil {
				return err
			}
			return c.do(control.Request{Verb: control.SetLogLevel, Level: level})
		},
		ValidArgs: []string{"0", "1", "2"},
	}
}
