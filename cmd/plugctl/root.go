// The tree of commands, and the global flags.

package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"daemon/plug/cmd/plugctl/metrics"
	"daemon/plug/cmd/plugctl/service"
)

// patience is how long the master may be silent, unless --timeout is given.
const patience = 5 * time.Second

// root is the tree of all commands.
func (c *ctl) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "plugctl COMMAND",
		Short:         "Query and control running plugs",
		Version:       version,
		SilenceErrors: true, // report prints them
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Name() != "metrics" {
				if err := c.oneOnly(); err != nil {
					return err
				}
			}
			if c.Control == "" && c.Pidfile == "" {
				c.Control = os.Getenv("PLUG_CONTROL")
			}
			c.started = true
			return nil
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	cobra.EnableCommandSorting = false
	onlyGroup(root)
	root.SetVersionTemplate(fmt.Sprintf("plugctl: plugdaemon V%s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.VarP(namedValue{"-s", &c.Control, &c.named}, "control", "s", "the plug's control socket: its --control `PATH`")
	flags.VarP(namedValue{"-P", &c.Pidfile, &c.named}, "pidfile", "P", "find it by the plug's pidfile: its -P `FILE`")
	flags.BoolVar(&c.JSON, "json", false, "print the answer as JSON")
	flags.Var(newTimeValue(&c.Timeout, patience), "timeout", "timeout to connect and per answer line (5s)")
	flags.BoolP("help", "h", false, "show what a command does and exit")
	root.Flags().BoolP("version", "V", false, "print the version and exit")
	setHelp(root)
	root.AddCommand(
		c.listCommand(),
		c.statusCommand(),
		c.sessionsCommand(),
		c.targetsCommand(),
		c.workersCommand(),
		c.configCommand(),
		c.topCommand(),
		c.killCommand(),
	)
	root.AddCommand(c.steerCommands()...)
	root.AddCommand(
		metrics.Command(c.forMetrics),
		onlyGroup(service.Command()),
		completionCommand(),
	)
	c.completeFlags(root)
	reword(root)
	return root
}

// setHelp has usage and help printed in plugctl's own form.
func setHelp(root *cobra.Command) {
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		usage(cmd.OutOrStdout(), cmd)
		return nil
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		about := cmd.Short + "."
		if cmd.Long != "" {
			about = cmd.Long
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n", about)
		usage(cmd.OutOrStdout(), cmd)
	})
}

// onlyGroup makes a command that only groups other commands.
func onlyGroup(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("missing command after %q", cmd.CommandPath())
		}
		return fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0])
	}
	cmd.RunE = func(*cobra.Command, []string) error { return nil }
	return cmd
}
