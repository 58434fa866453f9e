package client

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/contracts/wire"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var platforms = []string{"ws", "socketio"}

// wanted are the results of scenarios that need nothing of the test.
var wanted = map[string]map[string]string{
	"calls": {
		"ws": `{"seen":["a b.ü","fine",[7,"a"],null,["burnt",{"minutes":9},"The soup is burnt","fail"],["cold",true],["another","secret"],
			["bad_payload",["type"]],false,"still open","closed","closed"],"errors":[]}`,
		// the event exception, too
		"socketio": `{"seen":["a b.ü","fine",[7,"a"],null,["burnt",{"minutes":9},"The soup is burnt","fail"],["cold",true],["another","secret"],
			["bad_payload",["type"]],false,"still open","closed","closed"],"errors":["burnt","cold","secret","bad_payload"]}`,
	},
	"bytes": {
		"ws":       `[{"text":"é","blob":"AAH/"},"AA==","cold"]`,
		"socketio": `[{"text":"é","blob":"0,1,255"},"0","cold"]`,
	},
	"events": {
		"": `{"seen":[["poked","one"],["pair",["b",2]],["asked",true],["asked",false],true,false,"no_answer","no_answer"],
			"errors":["Error: of a listener","Error: of a listener","Error: the server asks confirm, and nothing answers: use client.answer","Error: of an answerer"]}`,
	},
	"streams": {
		"ws":       `[500,true,500,true,"cold",49,149,1,"x"]`,
		"socketio": `[500,true,500,true,"cold","busy","busy",33,1,"x"]`,
	},
	"limits":    {"": `["no_answer","queue_full","aborted","aborted","free","closed"]`},
	"signedOut": {"": `["closed",["connecting","closed"]]`},
	"kicked": {
		"": `{"seen":["disconnected"],"states":["connecting","open","closed disconnected"],"state":"closed"}`,
	},
	"tokens": {"": `{"renewed":true,"asked":true}`},
}

func wantResult(t *testing.T, scenario, platform string, got json.RawMessage) {
	t.Helper()
	want := wanted[scenario][platform]
	if want == "" {
		want = wanted[scenario][""]
	}
	var compact strings.Builder
	for line := range strings.Lines(want) {
		compact.WriteString(strings.TrimSpace(line))
	}
	if string(got) != compact.String() {
		t.Errorf("got  %s\nwant %s", got, compact.String())
	}
}

// TestNode: the scenarios on both platforms in Node.
func TestNode(t *testing.T) {
	script := bundle(t, "node")
	r := newRecord()
	a := serve(t, r, "127.0.0.1:0")
	defer stop(t, a)
	recorder := wire.Record(t, a.URL())
	for _, scenario := range slices.Sorted(maps.Keys(wanted)) {
		for _, platform := range platforms {
			t.Run(scenario+"/"+platform, func(t *testing.T) {
				wantResult(t, scenario, platform, decode[json.RawMessage](t, play(t, script, scenario, platform, recorder.URL)))
			})
		}
	}
	described(t, recorder)
}

// described: all frames in both directions are those of the document, and all of its messages have been seen, but those of other scenarios.
func described(t *testing.T, recorder *wire.Recorder) {
	t.Helper()
	document, err := os.ReadFile("ts/api/asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	r := wire.Check(t, document, recorder)
	t.Logf("%d frames are valid, %d mistakes of the client were answered", r.Valid, r.Mistakes)
	r.Complete("shutdown.event", "once.request", "once.result", "wait.result", "kick.result", "notes.result", "cancel.request", "gatehouse-cancel.request",
		"token.request", "token.result", "token_expiring.event")
}

// TestBrowser: the same in Chromium.
func TestBrowser(t *testing.T) {
	r := newRecord()
	r.page = bundle(t, "browser")
	b := browsertest.Start(t)
	a := serve(t, r, "127.0.0.1:0")
	defer stop(t, a)
	recorder := wire.Record(t, a.URL())
	for _, scenario := range slices.Sorted(maps.Keys(wanted)) {
		for _, platform := range platforms {
			t.Run(scenario+"/"+platform, func(t *testing.T) {
				page := b.Open(recorder.URL)
				wantResult(t, scenario, platform, page.Eval(`run("`+scenario+`", "`+platform+`")`))
				page.Close()
			})
		}
	}
	described(t, recorder)
}

// TestCancel: break, an abort and a reader that is too slow end the handler's context.
func TestCancel(t *testing.T) {
	script := bundle(t, "node")
	for _, platform := range platforms {
		t.Run(platform, func(t *testing.T) {
			r := newRecord()
			a := serve(t, r, "127.0.0.1:0")
			defer stop(t, a)
			p := play(t, script, "cancel", platform, a.URL())
			for _, line := range []string{"cancelled", "aborted", "slow"} {
				p.want(line)
				if cause := testkit.Receive(t, "the end of the stream: "+line, r.causes); !errors.Is(cause, websockets.ErrCancelled) {
					t.Errorf("%s: the cause is %v", line, cause)
				}
			}
			if got, want := string(decode[json.RawMessage](t, p)), `[5,6,1,2,3,"aborted",true,0,"too_slow",true,"aborted","alive"]`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}
