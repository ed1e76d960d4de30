package control

// Ask is Do for whoever wants the whole answer at once: lists that came in
// several replies are put together, and of everything else the last word holds.
func (c *Client) Ask(req Request) (all Reply, err error) {
	err = c.Do(req, func(r Reply) { all.add(r) })
	return all, err
}

// add puts a further reply to the first ones.
func (r *Reply) add(more Reply) {
	r.Version, r.Done = more.Version, more.Done
	r.Sessions = append(r.Sessions, more.Sessions...)
	r.Targets = append(r.Targets, more.Targets...)
	r.Workers = append(r.Workers, more.Workers...)
	switch {
	case more.Config == nil:
	case r.Config == nil:
		r.Config = more.Config
	default:
		r.Config.Args = append(r.Config.Args, more.Config.Args...)
		r.Config.Targets = append(r.Config.Targets, more.Config.Targets...)
	}
	switch {
	case more.Metrics == nil:
	case r.Metrics == nil:
		r.Metrics = more.Metrics
	default:
		r.Metrics.Targets = append(r.Metrics.Targets, more.Metrics.Targets...)
	}
	if more.Status != nil {
		r.Status = more.Status
	}
	if more.Progress != nil {
		r.Progress = more.Progress
	}
	if more.Error != "" {
		r.Error = more.Error
	}
	if more.Said != "" {
		r.Said = more.Said
	}
}
