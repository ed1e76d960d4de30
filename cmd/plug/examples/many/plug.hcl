# Many small plugs, a file for each beside this one: plug --config /etc/plug

control       = "/run/plug/control"
control-group = "adm"
session-log   = "/var/log/plug/sessions"

locals {
  office = ["10.1.0.0/16", "2001:db8:1::/48"]
}

# What a plug says itself takes the place of these.
defaults {
  user         = "plug"
  spares       = "0:8" # a plug that nobody uses has no process
  log          = true
  idle-timeout = "1h"
}
