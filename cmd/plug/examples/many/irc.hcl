plug "irc" {
  listen       = ["6667"]
  targets      = ["10.0.3.20", "10.0.3.21"]
  allow        = local.office
  idle-timeout = "26h"
}
