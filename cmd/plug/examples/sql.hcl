# A database and its stand-in: the first target is used as long as it can be connected to.
# Sessions of peers that have vanished are dropped after two minutes.

plug "sql" {
  listen         = ["10.1.2.1:5432"]
  source-address = "10.0.3.1"
  ordered        = true
  retry-after    = "10s"

  target "10.0.3.15" {
    name = "db1"
  }
  target "10.0.3.16" {
    name = "db2"
  }

  keepalive {
    idle  = "60s"
    every = "10s"
    count = 6
  }
}
