// Package codecs has JSON libraries as Gatehouse takes them, to be compared.
package codecs

import (
	stdjson "encoding/json"

	"github.com/bytedance/sonic"
	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/go-json-experiment/json"
	goccy "github.com/goccy/go-json"
	segmentio "github.com/segmentio/encoding/json"
)

// Codec is a library.
type Codec struct {
	Name string

	decode func(data []byte, v any) error
	encode func(dst []byte, v any) ([]byte, error)
}

var _ websockets.JSON = Codec{}

// Unmarshal implements [websockets.JSON].
func (c Codec) Unmarshal(data []byte, v any) error { return c.decode(data, v) }

// Append implements [websockets.JSON].
func (c Codec) Append(dst []byte, v any) ([]byte, error) { return c.encode(dst, v) }

// All lists the framework's own codec, the library that it stands on, and others.
func All() []Codec {
	fast := sonic.Config{CopyString: true, ValidateString: true}.Froze()
	return []Codec{
		{"gatehouse", func(b []byte, v any) error { return codec.Unmarshal(b, v, codec.Options{}) }, codec.Append},
		{"json-v2", func(b []byte, v any) error { return json.Unmarshal(b, v, json.MatchCaseInsensitiveNames(true)) }, appended(func(v any) ([]byte, error) { return json.Marshal(v) })},
		{"std", stdjson.Unmarshal, appended(stdjson.Marshal)},
		{"goccy", goccy.Unmarshal, appended(goccy.Marshal)},
		{"segmentio", segmentio.Unmarshal, func(dst []byte, v any) ([]byte, error) { return segmentio.Append(dst, v, 0) }},
		{"sonic", fast.Unmarshal, appended(fast.Marshal)},
	}
}

func appended(marshal func(any) ([]byte, error)) func([]byte, any) ([]byte, error) {
	return func(dst []byte, v any) ([]byte, error) {
		b, err := marshal(v)
		return append(dst, b...), err
	}
}
