// The command plugctl service and its verbs.

package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	kardianos "github.com/kardianos/service"
	"github.com/spf13/cobra"

	"daemon/plug/supervisor/control"
)

// UsageError is an error in the command line: nothing was done.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

// options are the flags of the verbs.
type options struct {
	name, user, manager, program string
	dryRun, replace              bool
}

// Command is plugctl service.
func Command() *cobra.Command {
	c := &cobra.Command{
		Use:   "service",
		Short: "Run a plug as a system service",
		Long: `Make a plug a service of systemd, OpenRC, a System V init or FreeBSD's rc, and
start, stop and check it there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(installCommand(), logrotateCommand(), uninstallCommand(), statusCommand())
	for _, verb := range []struct{ name, short string }{
		{"start", "Start the service"},
		{"stop", "Stop the service; sessions continue until they end"},
		{"restart", "Restart the service; sessions continue until they end"},
	} {
		c.AddCommand(actCommand(verb.name, verb.short))
	}
	return c
}

func installCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "install [flags] -- PLUG-ARG...", DisableFlagsInUseLine: true,
		Short: "Install a service that runs plug with PLUG-ARGS",
		Example: `  plugctl service install --name web -- -S /var/log/web 80 10.0.3.15
  plugctl service install --name web --user www-data --manager systemd --dry-run -- 80 10.0.3.15`,
		RunE: func(cmd *cobra.Command, args []string) error {
			order, err := o.order(cmd, args)
			if err != nil {
				return UsageError{err}
			}
			if err := o.mayInstall(order.manager.file(o.name)); err != nil {
				return err
			}
			p, err := makePlan(order, func(args []string) (*checked, error) { return check(order.program, args) })
			if err != nil {
				return UsageError{err}
			}
			text, err := order.manager.render(p)
			if err != nil {
				return err
			}
			if o.dryRun {
				_, err = fmt.Fprint(cmd.OutOrStdout(), text)
				return err
			}
			if err := p.ready(order); err != nil {
				return err
			}
			u, err := newUnit(order.manager, o.name, order.program, text)
			if err != nil {
				return err
			}
			done, err := u.place(p, text, o.replace)
			if err != nil {
				return err
			}
			return u.told(cmd, done.did != unchanged, u.said(done, p))
		},
	}
	o.flags(c)
	c.Flags().StringVar(&o.user, "user", "", "run the service as `NAME[:GROUP]` (root)")
	c.Flags().StringVar(&o.program, "program", "", "`PATH` of plug (next to plugctl, or in $PATH)")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the file, for any manager, and change nothing")
	c.Flags().BoolVar(&o.replace, "replace", false, "replace an existing service; restart it if needed")
	return c
}

func logrotateCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "logrotate [flags] -- PLUG-ARG...", DisableFlagsInUseLine: true,
		Short:   "Print a logrotate(8) configuration for the session log",
		Example: `  plugctl service logrotate -- -S /var/log/web 80 10.0.3.15 >/etc/logrotate.d/web`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = "any"
			order, err := o.order(cmd, args)
			if err != nil {
				return UsageError{err}
			}
			checked, err := check(order.program, order.args)
			if err != nil {
				return UsageError{err}
			}
			text, err := logrotate(order, checked)
			if err != nil {
				return UsageError{err}
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
	c.Flags().StringVar(&o.manager, "manager", "", managerHelp)
	c.Flags().StringVar(&o.user, "user", "", "`NAME[:GROUP]` that the service runs as (root)")
	c.Flags().StringVar(&o.program, "program", "", "`PATH` of plug (next to plugctl, or in $PATH)")
	return c
}

func uninstallCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "uninstall", Short: "Remove the service; it must be stopped first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := o.installed(true)
			if err != nil {
				return err
			}
			if err := u.uninstall(); err != nil {
				return err
			}
			return u.told(cmd, true, o.name+": uninstalled")
		},
	}
	o.flags(c)
	return c
}

// after is the state of a service after a verb.
var after = map[string]kardianos.Status{"start": kardianos.StatusRunning, "stop": kardianos.StatusStopped}

func actCommand(verb, short string) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: verb, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := o.installed(true)
			if err != nil {
				return err
			}
			was, failed := u.status()
			if err := u.act(verb); err != nil {
				return err
			}
			changed := verb == "restart" || failed != nil || was != after[verb]
			return u.told(cmd, changed, fmt.Sprintf("%s: %s done", o.name, verb))
		},
	}
	o.flags(c)
	return c
}

func statusCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "status", Short: "Show whether the service is running (exit status 1 if not)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := o.installed(false)
			if err != nil {
				return err
			}
			is, err := u.status()
			switch {
			case err != nil:
				return fmt.Errorf("%s: %w", o.name, err)
			case is == kardianos.StatusStopped:
				return fmt.Errorf("%s: stopped", o.name)
			case is != kardianos.StatusRunning:
				return fmt.Errorf("%s: the service manager did not report a status", o.name)
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON { // a global flag
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"version": control.Version, "done": true,
					"service": map[string]string{"name": o.name, "manager": u.manager.name, "state": "running"}})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: running\n", o.name)
			return err
		},
	}
	o.flags(c)
	return c
}

const managerHelp = "`MANAGER`: systemd, openrc, sysv or rc (this system's)"

func (o *options) flags(c *cobra.Command) {
	c.Flags().SortFlags = false
	c.Flags().StringVar(&o.name, "name", "", "`NAME` of the service")
	c.Flags().StringVar(&o.manager, "manager", "", managerHelp)
}

// order parses the command line of a verb that takes PLUG-ARGS.
func (o *options) order(cmd *cobra.Command, args []string) (*order, error) {
	switch dash := cmd.ArgsLenAtDash(); {
	case dash < 0 && len(args) == 0:
		return nil, errors.New("no PLUG-ARGS; expected them after --, as in: -- 80 10.0.3.15")
	case dash != 0:
		return nil, fmt.Errorf("%q is before the --; expected PLUG-ARGS after it", args[0])
	}
	m, err := findManager(o.manager)
	if err != nil {
		return nil, err
	}
	if err := checkName(o.name); err != nil {
		return nil, err
	}
	program, err := findProgram(o.program)
	if err != nil {
		return nil, err
	}
	return &order{name: o.name, user: o.user, program: program, args: args, manager: m}, nil
}

// mayInstall returns an error if the user can't write the file, before
// anything else is checked.
func (o *options) mayInstall(file string) error {
	if o.dryRun || os.Geteuid() == 0 {
		return nil
	}
	return fmt.Errorf("only root can write %s; run as root, or use --dry-run to print it", file)
}

// installed returns the service of --name.
func (o *options) installed(root bool) (*unit, error) {
	m, err := findManager(o.manager)
	if err != nil {
		return nil, UsageError{err}
	}
	if err := checkName(o.name); err != nil {
		return nil, UsageError{err}
	}
	u, err := newUnit(m, o.name, "", "")
	if err != nil {
		return nil, err
	}
	if err := u.ours(); err != nil {
		return nil, err
	}
	if root && os.Geteuid() != 0 {
		return nil, fmt.Errorf("only root can change %s; run as root", u.file)
	}
	return u, nil
}

// ready checks whether this system has what the plan needs.
func (p *plan) ready(o *order) error {
	if o.user != "" {
		if err := checkUser(o.user); err != nil {
			return err
		}
	}
	for _, dir := range p.Writable {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return fmt.Errorf("PLUG-ARGS: directory %s does not exist; create it first", dir)
		}
	}
	return nil
}
