# One port, one target: the file for "plug -n 119 10.0.3.15".
#
#   plug --check --config news.hcl
#   plug --config news.hcl

plug "news" {
  listen    = ["119"]
  targets   = ["10.0.3.15"]
  keepalive = true
}
