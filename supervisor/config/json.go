package config

import "encoding/json"

// MarshalJSON is the configuration as --check shows it: every key is the long
// name of an option, with source and targets beside them, every value what
// that option would take to say the same. Times are in seconds; what is not set
// is "", 0, false, [] or, for the user, null. It is what holds in the
// end: -i is in the source, /address in source-address, and foreground is true
// where something implies it.
func (c *Config) MarshalJSON() ([]byte, error) {
	shown := struct {
		Source          string   `json:"source"`
		Targets         []string `json:"targets"`
		Via             string   `json:"via"`
		Allow           []string `json:"allow"`
		SourceAddress   string   `json:"source-address"`
		SourceInterface string   `json:"source-interface"`
		Sticky          bool     `json:"sticky"`
		StickyTimeout   float64  `json:"sticky-timeout"`
		Ordered         bool     `json:"ordered"`
		RetryAfter      float64  `json:"retry-after"`
		Keepalive       bool     `json:"keepalive"`
		Log             bool     `json:"log"`
		Pidfile         string   `json:"pidfile"`
		SessionLog      string   `json:"session-log"`
		Debug           int      `json:"debug"`
		Foreground      bool     `json:"foreground"`
		Mode            Mode     `json:"mode"`
		Workers         int      `json:"workers"`
		Spares          string   `json:"spares"`
		MaxWorkers      int      `json:"max-workers"`
		MaxUses         int      `json:"max-uses"`
		ConnectTimeout  float64  `json:"connect-timeout"`
		CloseTimeout    float64  `json:"close-timeout"`
		Backlog         int      `json:"backlog"`
		Freebind        bool     `json:"freebind"`
		DrainTimeout    float64  `json:"drain-timeout"`
		User            *User    `json:"user"`
		Syslog          string   `json:"syslog"`
		LogFormat       string   `json:"log-format"`
		Control         string   `json:"control"`
		ControlGroup    string   `json:"control-group"`
	}{
		Source:          c.Source.String(),
		Targets:         make([]string, 0, len(c.Targets)),
		Allow:           make([]string, 0, len(c.Rules)),
		SourceInterface: c.SourceInterface,
		Sticky:          c.Sticky,
		StickyTimeout:   c.StickyTimeout.Seconds(),
		Ordered:         c.Ordered,
		RetryAfter:      c.RetryAfter.Seconds(),
		Keepalive:       c.Keepalive,
		Log:             c.Log,
		Pidfile:         c.Pidfile,
		SessionLog:      c.SessionLog,
		Debug:           c.Debug,
		Foreground:      c.Foreground,
		Mode:            c.Mode,
		Workers:         c.Workers,
		Spares:          c.spares(),
		MaxWorkers:      c.MaxWorkers,
		MaxUses:         c.MaxUses,
		ConnectTimeout:  c.ConnectTimeout.Seconds(),
		CloseTimeout:    c.CloseTimeout.Seconds(),
		Backlog:         c.Backlog,
		Freebind:        c.Source.Freebind,
		DrainTimeout:    c.DrainTimeout.Seconds(),
		User:            c.User,
		Syslog:          c.Syslog.String(),
		LogFormat:       c.LogFormat,
		Control:         c.Control,
	}
	for _, target := range c.Targets {
		shown.Targets = append(shown.Targets, target.String())
	}
	for _, rule := range c.Rules {
		shown.Allow = append(shown.Allow, rule.String())
	}
	if c.Via.IsValid() {
		shown.Via = c.Via.String()
	}
	if c.SourceAddress.IsValid() {
		shown.SourceAddress = c.SourceAddress.String()
	}
	if c.ControlGroup != nil {
		shown.ControlGroup = c.ControlGroup.Name
	}
	return json.Marshal(shown)
}
