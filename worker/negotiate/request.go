// Package negotiate owns the client's side of HTTP CONNECT: the words of the
// request and the reading of the reply (RFC 9110 section 9.3.6, RFC 9112). It
// does no input or output and keeps no time: a proxy that says nothing is its
// caller's business.
//
// A session sends AppendRequest's bytes, gives what arrives to a Reply, and
// begins to relay with the first byte that the Reply doesn't take.
package negotiate

// AppendRequest appends a whole request for a tunnel to hostport, which is
// "host:port", with brackets around an IPv6 address. The host is named twice,
// as HTTP/1.1 wants it.
func AppendRequest(dst []byte, hostport string) []byte {
	dst = append(dst, "CONNECT "...)
	dst = append(dst, hostport...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, hostport...)
	return append(dst, "\r\n\r\n"...)
}
