package web_test

import (
	"fmt"
	"net/http"

	"github.com/gatehouse-go/gatehouse/web"
)

// Without app.TrustedProxies it is the address of the peer.
func ExampleRemoteAddr() {
	r := &http.Request{RemoteAddr: "[::ffff:192.0.2.7]:5000"}
	fmt.Println(web.RemoteAddr(r))
	// Output: 192.0.2.7
}
