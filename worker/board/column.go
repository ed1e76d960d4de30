// A worker's column at its burial.

package board

// Clear sets the counts to 0, and the PID, but not the number of rows that were ever used;
// the worker must be dead.
func (c *Column) Clear() {
	c.PID.Store(0)
	c.Live.Store(0)
	c.Epoch.Store(0)
	for i := range c.Ended {
		c.Ended[i].Store(0)
	}
	c.BytesIn.Store(0)
	c.BytesOut.Store(0)
	c.Refused.Store(0)
	c.Redispatches.Store(0)
	c.LinesLost.Store(0)
	c.LogsLost.Store(0)
}
