package control

import "encoding/json"

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
		for name, value := range more.Config.Options {
			r.Config.Options[name] = join(r.Config.Options[name], value)
		}
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
	if more.Changed != nil {
		r.Changed = more.Changed
	}
}

// join puts the rest of an option's list after what came of it before. A value
// that is no list is the last word.
func join(first, rest json.RawMessage) json.RawMessage {
	var a, b []json.RawMessage
	if json.Unmarshal(first, &a) != nil || json.Unmarshal(rest, &b) != nil {
		return rest
	}
	all, err := json.Marshal(append(a, b...))
	if err != nil {
		return rest
	}
	return all
}
