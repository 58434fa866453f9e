package client_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/client"
)

func TestWrongOptions(t *testing.T) {
	one := map[string]string{"room": "tea"}
	for _, tt := range []struct {
		url, want string
		o         client.Options
	}{
		{url: "ws://h/{room}", want: `client: the URL has {room}, and Options.Params has no "room": set it`},
		{url: "ws://h/", o: client.Options{Params: one}, want: `client: Options.Params has "room", and the URL has no {room} before its query`},
		{url: "ws://h/?x={room}", o: client.Options{Params: one}, want: `client: Options.Params has "room", and the URL has no {room} before its query`},
		{url: "ws://h/{room", o: client.Options{Params: one}, want: `client: the URL has a { without a }`},
		{url: "ws://h/{room}", o: client.Options{Params: map[string]string{"room": ".."}}, want: `client: Options.Params["room"] must not have the segment ".."`},
		{url: "ws://h/{room...}", o: client.Options{Params: map[string]string{"room": "a//b"}}, want: `client: Options.Params["room"] must not have the segment ""`},
		{url: "h/room", want: `client: the URL has the scheme "": use ws, wss, http or https, as in wss://example.com/chat`},
		{url: "ftp://h/room?token=1", want: `client: the URL has the scheme "ftp": use ws, wss, http or https, as in wss://example.com/chat`},
		{url: "ws:///room", want: `client: the URL has no host: write it as in wss://example.com/chat`},
		{url: "ws://h/%zz?token=secret", want: `client: the URL is malformed: invalid URL escape "%zz"`},
		{url: "ws://h", o: client.Options{Timeout: -1}, want: `client: Options.Timeout is negative: leave it 0 for the default, or set a positive value`},
		{url: "ws://h", o: client.Options{Limits: client.Limits{Items: -1}}, want: `client: Options.Limits.Items is negative: leave it 0 for the default, or set a positive value`},
		{url: "ws://h", o: client.Options{TokenIn: 7}, want: `client: Options.TokenIn: 7 is no place of a token: use InHeader or InSubprotocol`},
	} {
		if _, err := client.New(tt.url, tt.o); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got  %v\nwant %s", tt.url, err, tt.want)
		}
		if _, err := client.Dial(t.Context(), tt.url, tt.o); err == nil || err.Error() != tt.want {
			t.Errorf("Dial: %s: got  %v\nwant %s", tt.url, err, tt.want)
		}
	}
	for _, url := range []string{"wss://h:1/a/{x...}/{$}?q=1#f", "https://u:p@h/{x...}"} {
		if _, err := client.New(url, client.Options{Params: map[string]string{"x": "a b/c"}, PingInterval: -time.Second}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestStateString(t *testing.T) {
	for s, want := range map[client.State]string{client.Waiting: "waiting", client.Connecting: "connecting", client.Open: "open", client.Closed: "closed"} {
		if s.String() != want {
			t.Errorf("%d is %s", s, s)
		}
	}
}
