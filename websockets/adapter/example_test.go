package adapter_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// An adapter encodes a broadcast once, whatever the number of its recipients.
func ExampleOutgoing_Frame() {
	type format struct{ name string } // a key of this adapter's own
	out := adapter.NewOutgoing("news", "hello")
	for range 1000 { // Conn.Emit of as many clients
		line, err := out.Frame(format{"line"}, false, func(event string, p websockets.Payload) (any, error) {
			fmt.Println("encoded")
			return append([]byte(event+" "), p.JSON...), nil
		})
		if err != nil {
			fmt.Println(err)
		}
		_ = line.([]byte)
	}
	// Output: encoded
}

// A handshake over HTTP is refused with status and body.
func ExampleWriteRefusal() {
	w := httptest.NewRecorder()
	adapter.WriteRefusal(w, &websockets.Error{Message: "Room is full", Code: "full", Status: http.StatusConflict})
	fmt.Println(w.Code, w.Body)
	// Output: 409 {"statusCode":409,"message":"Room is full","error":"Conflict","code":"full"}
}

// A platform with messages of its own sends the object. Errors that are no *websockets.Error
// are masked.
func ExampleRefusalOf() {
	r := adapter.RefusalOf(errors.New("password of the database"))
	fmt.Println(r.Status, string(r.Data))
	// Output: 500 {"status":"error","message":"Internal server error"}
}
