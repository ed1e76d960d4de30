// Putting together an answer that comes in several replies.

package control

import "encoding/json"

// Ask is Do for callers that want the whole answer at once: lists from several
// replies are joined, and for everything else the last reply counts.
func (c *Client) Ask(req Request) (all Reply, err error) {
	err = c.Do(req, func(r Reply) { all.add(r) })
	return all, err
}

// add adds a later reply to the earlier ones.
func (r *Reply) add(more Reply) {
	r.Version, r.Done = more.Version, more.Done
	r.Plugs = append(r.Plugs, more.Plugs...)
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

// join appends the rest of an option's list to its first part. If the value is
// not a list, the later one replaces the first.
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
