package supervisor

// Refuse tells the old master why this process can't replace it, if that is what
// it was started for: it can't run by its command line.
func Refuse(starter Starter, reason string) {
	if starter.Role() == roleSuccessor {
		newLauncher(true).refuse(reason)
	}
}

// refuse tells it when nothing has been said yet.
func (s *launcher) refuse(reason string) {
	if w, err := s.handover(); err == nil {
		w.abort(reason)
		w.close()
	}
}
