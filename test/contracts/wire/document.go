package wire

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// document is an AsyncAPI document.
type document struct {
	channels []*channel
	engineIO []string // the paths of Socket.IO, without a slash at the end
}

type channel struct {
	name, platform string
	address        *regexp.Regexp
	fallback       bool
	messages       map[string]*message  // by their keys: join.request
	keys           map[[2]string]string // of events in a role
}

type message struct {
	schema *validator.Schema // nil without a payload
	// optional reports that there may be no argument of Socket.IO: of what clients send, and of a payload of any form.
	optional bool
	spread   bool // the payload is the list of all arguments
	seen     int
}

var parameter = regexp.MustCompile(`\\\{[^}]+\\\}`)

// parse reads a document, and compiles the schemas of its messages.
func parse(t testing.TB, text []byte) *document {
	t.Helper()
	var doc struct {
		Servers map[string]struct {
			Platform string `json:"x-gatehouse-platform"`
			Pathname string `json:"pathname"`
		} `json:"servers"`
		Channels map[string]struct {
			Address  string `json:"address"`
			Fallback bool   `json:"x-gatehouse-fallback"`
			Servers  []struct {
				Ref string `json:"$ref"`
			} `json:"servers"`
			Messages map[string]struct {
				Name    string          `json:"name"`
				Payload json.RawMessage `json:"payload"`
				Args    string          `json:"x-gatehouse-args"`
			} `json:"messages"`
		} `json:"channels"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	d := &document{}
	for _, s := range doc.Servers {
		if s.Platform == "socketio" {
			d.engineIO = append(d.engineIO, strings.TrimSuffix(s.Pathname, "/"))
		}
	}
	for name, c := range doc.Channels {
		_, server, _ := strings.Cut(c.Servers[0].Ref, "#/servers/")
		ch := &channel{name: name, platform: doc.Servers[server].Platform, fallback: c.Fallback, messages: map[string]*message{}, keys: map[[2]string]string{}}
		ch.address = regexp.MustCompile("^" + parameter.ReplaceAllString(regexp.QuoteMeta(c.Address), "[^/]+") + "$")
		for key, m := range c.Messages {
			added := &message{optional: strings.HasSuffix(key, ".request") || string(m.Payload) == "{}", spread: m.Args == "spread"}
			if m.Payload != nil {
				var err error
				if added.schema, err = Compile(text, validator.Draft7, "#/channels/"+name+"/messages/"+key+"/payload"); err != nil {
					t.Fatal(err)
				}
			}
			ch.messages[key] = added
			event, role := key[:strings.LastIndexByte(key, '.')], key[strings.LastIndexByte(key, '.')+1:]
			if m.Name != "" && role != "exception" { // whose name is exception
				event = m.Name
			}
			ch.keys[[2]string{event, role}] = key
		}
		d.channels = append(d.channels, ch)
	}
	return d
}

// channelAt returns the channel of a path or a namespace; nil if there is none.
func (d *document) channelAt(platform, address string) *channel {
	for _, c := range d.channels {
		if c.platform == platform && c.address.MatchString(address) {
			return c
		}
	}
	return nil
}

// key returns the key of an event's message in a role, which has other characters than the event; where there is none, what it would be.
func (c *channel) key(event, role string) string {
	if key, ok := c.keys[[2]string{event, role}]; ok {
		return key
	}
	return event + "." + role
}
