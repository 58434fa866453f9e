package web_test

import (
	"fmt"
	"net/http"

	"github.com/gatehouse-go/gatehouse/web"
)

// Outside of an application, or without app.TrustedProxies, it is the peer's address.
func ExampleRemoteAddr() {
	r := &http.Request{RemoteAddr: "[::ffff:192.0.2.7]:5000"}
	fmt.Println(web.RemoteAddr(r))
	// Output: 192.0.2.7
}
