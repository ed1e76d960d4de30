// The commands that change a plug: target, accept, reload, reopen, upgrade, stop
// and log-level.

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"daemon/plug/supervisor/control"
)

// steerCommands are all of them, in the order of the help.
func (c *ctl) steerCommands() []*cobra.Command {
	return []*cobra.Command{
		c.targetCommand(),
		c.acceptCommand(),
		c.upgradeCommand(),
		c.reloadCommand(),
		c.reopenCommand(),
		c.stopCommand(),
		c.logLevelCommand(),
	}
}

func (c *ctl) targetCommand() *cobra.Command {
	group := onlyGroup(&cobra.Command{
		Use:   "target COMMAND",
		Short: "Enable, drain or disable a target",
	})
	for _, v := range []struct{ name, state, short string }{
		{"disable", "disabled", "Send no new sessions to a target"},
		{"drain", "draining", "Send a target only clients that -f keeps on it"},
		{"enable", "enabled", "Send new sessions to a target again"},
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
		Short: "Pause or resume accepting clients",
	})
	group.AddCommand(
		c.orderCommand("pause", "Accept no clients: new ones wait, sessions continue", control.Request{Verb: control.SetAccept, State: "paused"}),
		c.orderCommand("resume", "Accept clients again", control.Request{Verb: control.SetAccept, State: "open"}),
	)
	return group
}

func (c *ctl) reloadCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Reload the configuration files, as SIGHUP does",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return c.do(control.Request{Verb: control.Reload, DryRun: dry})
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would change")
	return cmd
}

func (c *ctl) reopenCommand() *cobra.Command {
	return c.orderCommand("reopen", "Reopen the session file and syslog, as SIGUSR1 does", control.Request{Verb: control.Reopen})
}

// orderCommand makes a command without arguments or flags: one request.
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
		Short: "Release the port and stop, as SIGTERM does; sessions continue",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return c.do(control.Request{Verb: control.Stop, Drain: drain})
		},
	}
	cmd.Flags().BoolVar(&drain, "drain", false, "wait until all sessions have ended, as SIGQUIT does")
	return cmd
}

func (c *ctl) logLevelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "log-level 0|1|2",
		Short: "Set the log level (0, 1 or 2)",
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
