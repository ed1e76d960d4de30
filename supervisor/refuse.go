// A new master that cannot run with its command line: it tells the old one, which
// continues.

package supervisor

import "daemon/plug/supervisor/handover"

// Refuse tells the old master why this process cannot replace it, if it was
// started for that: its command line is wrong.
func Refuse(starter Starter, reason string) {
	if starter.Role() == handover.RoleSuccessor {
		handover.NewLauncher(true).Refuse(reason)
	}
}
