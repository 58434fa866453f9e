package gateway

import (
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/segmentio/encoding/json"
)

// segmentio is its JSON as an application takes it.
type segmentio struct{}

var _ websockets.JSON = segmentio{}

func (segmentio) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

func (segmentio) Append(dst []byte, v any) ([]byte, error) { return json.Append(dst, v, 0) }
