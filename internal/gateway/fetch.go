package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// fetched is a client in the body of a Fetched.
type fetched struct {
	ID        string   `json:"id"`
	Platform  string   `json:"platform"`
	Namespace string   `json:"namespace,omitempty"`
	Rooms     []string `json:"rooms,omitempty"`

	Shared websockets.SharedValues `json:"shared,omitempty"`
}

func remoteOf(c *session) websockets.Remote {
	return websockets.Remote{ID: c.ID(), Node: c.ep.rt.node.ID, Platform: c.Platform(), Namespace: c.Namespace(), Rooms: c.Rooms(), Shared: c.shared()}
}

// shared returns the values of the declared keys.
func (s *session) shared() websockets.SharedValues {
	all, err := pipeline.Share(s, func(k pipeline.SharedKey) bool {
		if slices.Contains(s.ep.shares, k) {
			return true
		}
		if _, logged := s.ep.rt.undeclared.LoadOrStore(k, true); !logged {
			s.ep.log.Warn("the value of a shared key does not travel: declare it with websockets.Shares", "key", k.String())
		}
		return false
	})
	if err == nil {
		return all
	}
	if n := s.ep.rt.sharedLog.Count(); n > 0 {
		s.ep.log.Error("shared values do not encode", "error", err, "clients", n)
	}
	return all
}

// onlyCount, as Count of a Fetch, asks for the number of clients alone.
const onlyCount = 1

// What the answers of other nodes to one question have at most; those that would have more count as nodes that have
// not answered.
const (
	maxAnswers      = 1_000_000 // clients
	maxAnswersBytes = 256 << 20
	// fetchedMemory is how many bytes clients become, at most, for each byte of a body beside their texts.
	fetchedMemory = 8
)

// countOthers returns how many clients the other nodes have, and the nodes that did not answer.
func (s *server) countOthers(ctx context.Context, sel core.Selection) (n int, unreachable []websockets.Node, err error) {
	unreachable, err = s.askOthers(ctx, sel, onlyCount, func(_ backplane.Node, m *backplane.Message) bool {
		n += int(m.Count)
		return true
	})
	return n, unreachable, err
}

// fetchOthers returns the clients of other nodes. Those of a node come in several messages, each
// with the number of all.
func (s *server) fetchOthers(ctx context.Context, sel core.Selection) (all []websockets.Remote, unreachable []websockets.Node, err error) {
	byNode, size := map[string]int{}, 0
	unreachable, err = s.askOthers(ctx, sel, 0, func(from backplane.Node, m *backplane.Message) bool {
		var some []fetched
		size += len(m.Body)
		if size > maxAnswersBytes || len(m.Body) > 0 && codec.Unmarshal(m.Body, &some, codec.Options{Budget: fetchedMemory * len(m.Body)}) != nil {
			return false // it counts as a node that has not answered
		}
		if byNode[from.ID]+len(some) > int(m.Count) || len(all)+len(some) > maxAnswers {
			return false
		}
		for _, c := range some {
			all = append(all, websockets.Remote{ID: c.ID, Node: from.ID, Platform: c.Platform, Namespace: c.Namespace, Rooms: c.Rooms, Shared: c.Shared})
		}
		byNode[from.ID] += len(some)
		return byNode[from.ID] >= int(m.Count)
	})
	return all, unreachable, err
}

// askOthers asks the other nodes for their clients, until all have answered or ctx ends.
func (s *server) askOthers(ctx context.Context, sel core.Selection, count uint32, on func(backplane.Node, *backplane.Message) bool) ([]websockets.Node, error) {
	m, err := s.message(backplane.Fetch, sel, nil)
	if err != nil {
		return nil, err
	}
	m.Count = count
	ctx, cancel := withCallTimeout(ctx, s.endpoints[0])
	defer cancel()
	q := s.rt.cluster.Ask(m, timeLeft(ctx), on)
	select {
	case <-q.Done():
	case <-ctx.Done():
	}
	lost, incomplete := q.End()
	return append(lost, incomplete...), nil
}

// partialError is the error of a number that lacks some nodes.
func partialError(unreachable []websockets.Node) error {
	names := make([]string, len(unreachable))
	for i, n := range unreachable {
		names[i] = n.Name + " (" + n.ID + ")"
	}
	return fmt.Errorf("websockets: Count: nodes did not answer, and their clients are not counted: %s", strings.Join(names, ", "))
}

// answer answers a question of another node.
func (rt *Runtime) answer(endpoints []*endpoint, sel core.Selection, load cluster.Load) error {
	m, err := load()
	if err != nil {
		return err
	}
	if m.Kind == backplane.Call {
		return observeArrival(context.Background(), hooksOf(endpoints), arrivalOf(m), func(_ context.Context, d *delivery) error {
			return rt.call(m, endpoints, sel, d)
		})
	}
	found := clients(endpoints, sel, false)
	if m.Count == onlyCount || len(found) == 0 {
		err = rt.cluster.Answer(m, &backplane.Message{Kind: backplane.Fetched, Count: uint32(len(found))})
	} else {
		err = rt.fetched(m, found)
	}
	if err == nil { // an error is this node's, and not of the message
		return nil
	}
	if n := rt.answerLog.Count(); n > 0 {
		rt.log.Error("another node has no answer: its question counts this node as unreachable", "node", m.Origin, "error", err, "questions", n)
	}
	return nil
}

// fetchedBytes is how large the body of a Fetched is, about.
const fetchedBytes = 256 << 10

// fetched sends the clients, in as many messages as they need.
func (rt *Runtime) fetched(question *backplane.Message, found []*session) error {
	body := []byte("[")
	for i, c := range found {
		one, err := json.Marshal(fetched{ID: c.ID(), Platform: c.Platform(), Namespace: c.Namespace(), Rooms: c.Rooms(), Shared: c.shared()})
		if err != nil {
			return err
		}
		if len(body) > 1 {
			body = append(body, ',')
		}
		body = append(body, one...)
		if len(body) < rt.cluster.Part(fetchedBytes) && i < len(found)-1 {
			continue
		}
		m := &backplane.Message{Kind: backplane.Fetched, Count: uint32(len(found)), Body: append(body, ']')}
		if err := rt.cluster.Answer(question, m); err != nil {
			return err
		}
		body = []byte("[")
	}
	return nil
}
