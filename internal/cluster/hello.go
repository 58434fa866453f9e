package cluster

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/codec"
)

// helloBody is the body of a Hello.
type helloBody struct {
	Name      string            `json:"name"`
	Started   time.Time         `json:"started"`
	Clients   int               `json:"clients"`
	Draining  bool              `json:"draining,omitempty"`
	Min       int               `json:"min"` // minor versions of the envelope that it reads
	Max       int               `json:"max"`
	Ask       bool              `json:"ask,omitempty"` // the receiver introduces itself too
	Endpoints map[uint32]string `json:"endpoints"`
	Sent      uint64            `json:"sent"` // the number of its last message for clients
}

// beatBody is the body of a Beat.
type beatBody struct {
	Clients  int    `json:"clients"`
	Draining bool   `json:"draining,omitempty"`
	Sent     uint64 `json:"sent"`
}

// hello returns a message that introduces this node: to one node, or to all.
func (c *Cluster) hello(to string, ask bool) *backplane.Message {
	self := c.cfg.Self()
	body := helloBody{
		Name: self.Name, Started: self.Started, Clients: self.Clients, Draining: self.Draining, Ask: ask,
		Min: c.reads.min, Max: c.reads.max,
		Endpoints: make(map[uint32]string, len(c.cfg.Endpoints)), Sent: c.out.sent(backplane.ChannelEvents),
	}
	for _, e := range c.cfg.Endpoints {
		body.Endpoints[e.Key] = e.Text
	}
	m := &backplane.Message{Kind: backplane.Hello, Channel: backplane.ChannelNodes, Body: encode(body)}
	if to != "" {
		m.To, m.Channel = to, backplane.ChannelNode(to)
	}
	return m
}

func (c *Cluster) beat() *backplane.Message {
	self := c.cfg.Self()
	body := beatBody{Clients: self.Clients, Draining: self.Draining, Sent: c.out.sent(backplane.ChannelEvents)}
	return &backplane.Message{Kind: backplane.Beat, Channel: backplane.ChannelNodes, Body: encode(body)}
}

// encode encodes a body; these types always do.
func encode(v any) []byte {
	b, _ := json.Marshal(v) //nolint:errchkjson // see above
	return b
}

// maxText bounds the name of another node, and of an endpoint of one in the log, in bytes.
const maxText = 256

// short returns the start of a text of another node, with memory of its own.
func short(s string) string {
	return strings.ToValidUTF8(strings.Clone(s[:min(len(s), maxText)]), "")
}

// decode reads a body. What it becomes has little more memory than the body.
func decode(m *backplane.Message, v any) error {
	if err := codec.Unmarshal(m.Body, v, codec.Options{Budget: bodyMemory*len(m.Body) + 1}); err != nil {
		return fmt.Errorf("body of a %s: %w: %w", m.Kind, envelope.ErrInvalid, err)
	}
	return nil
}

// bodyMemory is how many bytes the elements of a body may have for each byte of it.
const bodyMemory = 8

// receiveHello adds the node that introduces itself.
func (c *Cluster) receiveHello(m *backplane.Message, o *origin) error {
	var body helloBody
	if err := decode(m, &body); err != nil {
		return err
	}
	o.announce(c, m.Origin, body.Sent, time.Now())
	n := backplane.Node{ID: m.Origin, Name: short(body.Name), Started: body.Started, Clients: max(0, body.Clients), Draining: body.Draining}
	added := c.members.add(n, versions{body.Min, body.Max})
	c.chooseVersion()
	if added {
		c.log.Info("node has joined", "node", n.ID, "name", n.Name)
		c.compareEndpoints(n, body.Endpoints)
		c.membersChanged()
	}
	if body.Ask {
		c.out.pushControl(c.hello(n.ID, false))
	}
	return nil
}

// chooseVersion has what is sent from now on be of a version that all nodes read.
func (c *Cluster) chooseVersion() {
	v, err := c.members.version(c.reads)
	c.out.setVersion(v)
	if err != nil {
		c.link.lose(err)
	}
}

// receiveBeat records that a node lives. One that is not known is asked to introduce itself: it
// has started before this node, or was counted as dead.
func (c *Cluster) receiveBeat(m *backplane.Message, o *origin) error {
	var body beatBody
	if err := decode(m, &body); err != nil {
		return err
	}
	o.announce(c, m.Origin, body.Sent, time.Now())
	if !c.members.beat(m.Origin, max(0, body.Clients), body.Draining) {
		c.out.pushControl(c.hello(m.Origin, true))
	}
	return nil
}

// byeBody is the body of a Bye.
type byeBody struct {
	Sent uint64 `json:"sent"` // the number of its last message for clients
}

func (c *Cluster) bye() *backplane.Message {
	return &backplane.Message{Kind: backplane.Bye, Channel: backplane.ChannelNodes, Body: encode(byeBody{c.out.last(backplane.ChannelEvents)})}
}

// receiveBye removes a node. Its last messages may come later than the Bye, by another channel, as with a beat.
func (c *Cluster) receiveBye(w *worker, m *backplane.Message, o *origin) error {
	if len(m.Body) > 0 {
		var body byeBody
		if err := decode(m, &body); err != nil {
			return err
		}
		if from := m.Origin; !o.left(c, from, body.Sent) {
			time.AfterFunc(c.cfg.Options.Beat/2, func() { w.push(received{bye: &bye{from, body.Sent}, size: frameSize}) })
		}
	}
	if n, was := c.members.remove(m.Origin); was {
		c.left(n.ID)
		c.out.forget(backplane.ChannelNode(n.ID))
		c.log.Info("node has left", "node", n.ID, "name", n.Name)
	}
	return nil
}

// Identity returns what an endpoint has in common on all nodes.
func Identity(platform, path, namespace, label string) string {
	return strings.Join([]string{platform, path, namespace, label}, "\x00")
}

// KeyOf returns the key of an endpoint.
func KeyOf(identity string) uint32 {
	sum := sha256.Sum256([]byte(identity))
	return binary.BigEndian.Uint32(sum[:4])
}

// Endpoint is an endpoint of the application: what its clients have in common on all nodes.
type Endpoint struct {
	Key  uint32
	Text string
}

// compareEndpoints logs what differs between the endpoints of another node and those of this one.
func (c *Cluster) compareEndpoints(n backplane.Node, theirs map[uint32]string) {
	const most = 5
	var differ []string
	for _, e := range c.cfg.Endpoints {
		if text, has := theirs[e.Key]; !has || text != e.Text {
			differ = append(differ, "only here: "+e.Text)
		}
	}
	ours := len(differ)
	for key, text := range theirs {
		i := slices.IndexFunc(c.cfg.Endpoints, func(e Endpoint) bool { return e.Key == key && e.Text == text })
		if i < 0 && len(differ) < ours+most {
			differ = append(differ, "only there: "+short(text))
		}
	}
	if len(differ) == 0 {
		return
	}
	if k := c.endpointLog.Count(); k > 0 {
		c.log.Warn("another node has other endpoints: their clients receive only what nodes with the same endpoint emit",
			"node", n.ID, "name", n.Name, "endpoints", differ[:min(len(differ), 2*most)])
	}
}
