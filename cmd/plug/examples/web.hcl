# Two web servers: clients return to the one that they used before, and one that failed
# is tried again after half a minute.

plug "web" {
  listen       = [":80"]
  allow        = ["10.0.0.0/8", "2001:db8::/32"]
  targets      = ["10.0.3.15:8080", "10.0.3.16:8080"]
  sticky       = true
  retry-after  = "30s"
  idle-timeout = "15m"
}
