package wire

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// TestCheckFinds: what the document does not say is found, in both directions.
func TestCheckFinds(t *testing.T) {
	const doc = `{"servers":{"ws":{"x-gatehouse-platform":"ws"},"sio":{"x-gatehouse-platform":"socketio","pathname":"/socket.io/"}},"channels":{
		"w":{"address":"/w/{room}","servers":[{"$ref":"#/servers/ws"}],"messages":{
			"ask.request":{"payload":{"properties":{"data":{"type":"string"}}}},"ask.result":{"payload":{"properties":{"data":{"type":"string"}},"required":["id","data"]}},
			"exception.exception":{"payload":{"required":["data"]}},"tick.event":{"payload":{"properties":{"data":{"type":"integer"}}}}}},
		"s":{"address":"/","servers":[{"$ref":"#/servers/sio"}],"messages":{
			"ask.request":{"payload":{"type":"string"}},"ask.result":{},"exception.exception":{"payload":{"required":["status"]}},"tick.event":{"payload":{"type":"integer"}}}}}}`
	for name, c := range map[string]struct {
		path   string
		frames []string // of the client after >
		valid  int
		want   []string
	}{
		"valid":             {"/w/a", []string{`>{"event":"ask","data":"x","id":1}`, `{"id":1,"data":"y"}`, `{"event":"tick","data":1}`}, 3, nil},
		"a result":          {"/w/a", []string{`>{"event":"ask","data":"x","id":1}`, `{"id":1}`}, 1, []string{"not valid: w/ask.result"}},
		"an event":          {"/w/a", []string{`{"event":"tick","data":"x"}`}, 0, []string{"not valid: w/tick.event"}},
		"not described":     {"/w/a", []string{`{"event":"tock","data":1}`}, 0, []string{"w has no message tock.event"}},
		"a mistake":         {"/w/a", []string{`>{"event":"ask","data":1,"id":1}`, `{"event":"exception","id":1,"data":{}}`}, 1, nil},
		"no error":          {"/w/a", []string{`>{"event":"ask","data":1,"id":1}`, `{"id":1,"data":"y"}`}, 1, []string{"has answered a message that is not valid"}},
		"no answer":         {"/w/a", []string{`>{"event":"ask","data":1}`}, 0, []string{"has answered no error"}},
		"no JSON":           {"/w/a", []string{`>{`, `{"event":"exception","data":{}}`}, 1, nil},
		"no JSON, no error": {"/w/a", []string{`>{`}, 0, []string{"has answered no error"}},
		"no channel":        {"/x", []string{`{"id":1}`}, 0, []string{"no channel at /x"}},
		"a session":         {"/w/a", []string{`{"session":{"id":"x"}}`, `{"session":{"id":"x"},"id":1}`}, 0, []string{"w has no message .result"}},
		"packets":           {"/socket.io/", []string{`>40`, `40{"sid":"x"}`, `>420["ask","x"]`, `430[]`, `42["tick",1]`, `2`, `>3`}, 3, nil},
		"an ack":            {"/socket.io/", []string{`>420["ask","x"]`, `430["y"]`}, 1, []string{"s/ask.result has no payload"}},
		"an argument":       {"/socket.io/", []string{`42["tick","x"]`}, 0, []string{"not valid: s/tick.event"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Recorder{}
			for _, f := range c.frames {
				data, fromClient := strings.CutPrefix(f, ">")
				r.add(Message{Conn: "1", Path: c.path, FromClient: fromClient, Data: []byte(data)})
			}
			failures := &testkit.Recorder{TB: t}
			report := Check(failures, []byte(doc), r)
			if c.want != nil {
				failures.Want(c.want...)
			} else if f := failures.Failures(); len(f) > 0 {
				t.Errorf("failures %q", f)
			}
			if report.Valid != c.valid {
				t.Errorf("%d valid, want %d", report.Valid, c.valid)
			}
		})
	}
}
