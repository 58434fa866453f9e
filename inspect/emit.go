package inspect

import (
	"cmp"
	"context"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// emission is an event that the server sends: to a client, else to a room, else to all clients of the gateway, on all nodes.
type emission struct {
	Gateway   string         `json:"gateway"`
	Namespace string         `json:"namespace"` // empty for all of the gateway
	Client    string         `json:"client"`
	Room      string         `json:"room"`
	Event     string         `json:"event"`
	Data      jsontext.Value `json:"data"` // none is an event without a payload
}

// emitted is what has become of it.
type emitted struct {
	// Clients is how many clients of this node were selected.
	Clients int `json:"clients"`
}

func (i *inspector) emit(ctx context.Context, in emission) (emitted, error) {
	if err := i.running(); err != nil {
		return emitted{}, err
	}
	s := i.server(in.Gateway)
	if s == nil {
		return emitted{}, &pipeline.Error{Message: "No such gateway", Code: "inspect_no_gateway", Status: http.StatusNotFound}
	}
	to := s.All()
	if in.Namespace != "" {
		to = s.Of(in.Namespace)
	}
	switch {
	case in.Client != "":
		to = to.ToID(in.Client)
	case in.Room != "":
		to = to.To(in.Room)
	}
	ctx, cancel := context.WithTimeout(ctx, emitTimeout)
	defer cancel()
	n := to.Local().Len()
	return emitted{n}, badRequest(to.Emit(ctx, in.Event, websockets.Payload{JSON: in.Data}))
}

// server returns the server of a gateway that the pages show; nil for others.
func (i *inspector) server(name string) *websockets.Server {
	for _, g := range i.about.Gateways {
		if g.Name == name {
			return i.app.Server(name)
		}
	}
	return nil
}

// badRequest returns an error as one that the page shows.
func badRequest(err error) error {
	if err == nil {
		return nil
	}
	return &pipeline.Error{Message: cut(cmp.Or(err.Error(), "failed"), maxText), Code: "inspect_failed", Status: http.StatusBadRequest}
}
