// A new master that cannot run by its command line: it tells the old one, which goes
// on.

package supervisor

import "daemon/plug/supervisor/handover"

// Refuse tells the old master why this process can't replace it, if that is what
// it was started for: it can't run by its command line.
func Refuse(starter Starter, reason string) {
	if starter.Role() == handover.RoleSuccessor {
		handover.NewLauncher(true).Refuse(reason)
	}
}
