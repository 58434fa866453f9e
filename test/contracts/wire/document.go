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
}

type channel struct {
	name, platform string
	address        *regexp.Regexp
	fallback       bool
	messages       map[string]*message // by their keys: join.request
}

type message struct {
	schema *validator.Schema // nil without a payload
	// optional reports that there may be no argument of Socket.IO: of what clients send, and of a payload of any form.
	optional bool
	seen     int
}

var parameter = regexp.MustCompile(`\\\{[^}]+\\\}`)

// parse reads a document, and compiles the schemas of its messages.
func parse(t testing.TB, text []byte) *document {
	t.Helper()
	var doc struct {
		Servers map[string]struct {
			Platform string `json:"x-gatehouse-platform"`
		} `json:"servers"`
		Channels map[string]struct {
			Address  string `json:"address"`
			Fallback bool   `json:"x-gatehouse-fallback"`
			Servers  []struct {
				Ref string `json:"$ref"`
			} `json:"servers"`
			Messages map[string]struct {
				Payload json.RawMessage `json:"payload"`
			} `json:"messages"`
		} `json:"channels"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	d := &document{}
	for name, c := range doc.Channels {
		_, server, _ := strings.Cut(c.Servers[0].Ref, "#/servers/")
		ch := &channel{name: name, platform: doc.Servers[server].Platform, fallback: c.Fallback, messages: map[string]*message{}}
		ch.address = regexp.MustCompile("^" + parameter.ReplaceAllString(regexp.QuoteMeta(c.Address), "[^/]+") + "$")
		for key, m := range c.Messages {
			added := &message{optional: strings.HasSuffix(key, ".request") || string(m.Payload) == "{}"}
			if m.Payload != nil {
				var err error
				if added.schema, err = Compile(text, validator.Draft7, "#/channels/"+name+"/messages/"+key+"/payload"); err != nil {
					t.Fatal(err)
				}
			}
			ch.messages[key] = added
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

// key returns the key of an event in a role: those of reserved names have dashes.
func key(event, role string) string { return strings.ReplaceAll(event, ":", "-") + "." + role }
