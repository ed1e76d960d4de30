plug "smtp" {
  listen  = [":25"]
  targets = ["10.0.3.30"]
}

plug "imap" {
  listen  = [":143"]
  targets = ["10.0.3.30", "10.0.3.31"]
  allow   = concat(local.office, ["192.0.2.0/24"])
  sticky  = true
  mode    = "pool"
}
