// The command top --json.

package main

import (
	"time"

	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/cmd/plugctl/top"
	"daemon/plug/supervisor/control"
)

// stream is top for programs: it prints a line of JSON for each of count
// answers, or without limit. It ends if the master does not answer.
func (c *ctl) stream(filter *control.Filter, key string, reverse bool, interval time.Duration, count int) error {
	asker := top.NewAsker(c.Options)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := 1; ; n++ {
		s, err := asker.Snapshot(filter)
		if err != nil {
			return err
		}
		show.Sort(s.Sessions, key, reverse)
		s.Sessions, s.Targets = list(s.Sessions), list(s.Targets)
		if err := c.print(show.JSON(s)); err != nil || n == count {
			return err
		}
		<-tick.C
	}
}
