package observe_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/web"
)

// Statistics are the same JSON from package web and from encoding/json.
func TestStatsAsJSON(t *testing.T) {
	s := observe.Stats{Endpoints: []observe.EndpointStats{}, Backplane: &observe.BackplaneStats{SendTime: time.Second, QueueAge: time.Millisecond}}
	w := httptest.NewRecorder()
	if err := web.WriteJSON(w, 200, s); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Backplane struct{ QueueAge, SendTime time.Duration }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Backplane.QueueAge != time.Millisecond || got.Backplane.SendTime != time.Second {
		t.Errorf("%v, %+v of %s", err, got, w.Body)
	}
	if want, err := json.Marshal(s); err != nil || w.Body.String() != string(want) {
		t.Errorf("%v\n got %s\nwant %s", err, w.Body, want)
	}
}
