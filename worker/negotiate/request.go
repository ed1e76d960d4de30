// Package negotiate implements the client's side of HTTP CONNECT: it writes
// the request and reads the reply (RFC 9110 section 9.3.6, RFC 9112). It does
// no input or output and has no timeout: its caller handles a proxy that does
// not reply.
//
// A session sends AppendRequest's bytes, passes the received bytes to a Reply,
// and starts to relay with the first byte that the Reply does not take.
package negotiate

// AppendRequest appends a whole request for a tunnel to hostport, which is
// "host:port", with brackets around an IPv6 address. The host occurs twice, as
// HTTP/1.1 requires.
func AppendRequest(dst []byte, hostport string) []byte {
	dst = append(dst, "CONNECT "...)
	dst = append(dst, hostport...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, hostport...)
	return append(dst, "\r\n\r\n"...)
}
