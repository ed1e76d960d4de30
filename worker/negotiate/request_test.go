// A test of the CONNECT request's text.

package negotiate

import "testing"

func TestAppendRequest(t *testing.T) {
	for hostport, want := range map[string]string{
		"10.0.3.15:119":     "CONNECT 10.0.3.15:119 HTTP/1.1\r\nHost: 10.0.3.15:119\r\n\r\n",
		"[2001:db8::1]:119": "CONNECT [2001:db8::1]:119 HTTP/1.1\r\nHost: [2001:db8::1]:119\r\n\r\n",
		"news.example:119":  "CONNECT news.example:119 HTTP/1.1\r\nHost: news.example:119\r\n\r\n",
	} {
		if got := string(AppendRequest([]byte("x"), hostport)); got != "x"+want {
			t.Errorf("got %q, want %q", got, "x"+want)
		}
	}
}
