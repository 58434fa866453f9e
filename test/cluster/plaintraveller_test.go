package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// connectPlain is connect on plain WebSocket, by the subprotocol gatehouse.v1.
func (v *traveller) connectPlain(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	var dial websocket.DialOptions
	if v.dial != nil {
		dial = *v.dial
	}
	dial.Subprotocols = []string{"gatehouse.v1"}
	if v.pid != "" {
		dial.Subprotocols = append(dial.Subprotocols, "gatehouse.resume."+v.pid+"."+v.offset)
	}
	var err error
	if v.conn, _, err = websocket.Dial(ctx, url, &dial); err != nil {
		return err
	}
	v.conn.SetReadLimit(1 << 20)
	_, text, err := v.conn.Read(ctx)
	if err != nil {
		return fmt.Errorf("client %s: %w", v.id, err)
	}
	var first struct {
		Session struct {
			ID, Key, Pos string
			Recovered    bool
		}
	}
	if err := json.Unmarshal(text, &first); err != nil || first.Session.Key == "" {
		return fmt.Errorf("client %s: the first frame is %s, %w", v.id, text, err)
	}
	before, key, s := v.id, v.pid, first.Session
	v.id, v.pid = s.ID, s.Key
	if s.Pos != "" {
		v.offset = s.Pos
	}
	if before != "" && (before == s.ID) != s.Recovered {
		return fmt.Errorf("client %s is %s, recovered %t", before, s.ID, s.Recovered)
	}
	return sameClient(before, key, v)
}

// plainEvent reads an event on plain WebSocket and notes its position.
func (v *traveller) plainEvent() (name string, payload json.RawMessage, err error) {
	_, text, err := v.conn.Read(context.Background())
	if err != nil {
		return "", nil, fmt.Errorf("client %s: %w", v.id, err)
	}
	var frame struct {
		Event string
		Data  json.RawMessage
		Pos   string
	}
	if err := json.Unmarshal(text, &frame); err != nil {
		return "", nil, fmt.Errorf("%s: %w", text, err)
	}
	if frame.Pos != "" {
		v.offset = frame.Pos
	}
	return frame.Event, frame.Data, nil
}
