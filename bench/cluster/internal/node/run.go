package node

import (
	"context"
	"flag"
	"strconv"
)

// Peer is what a node is made of.
type Peer string

// The peers. Those of Node are in node/cluster.mjs.
const (
	Alone              Peer = "alone"              // Gatehouse without a backplane
	Native             Peer = "native"             // Gatehouse with redis.Native
	Streams            Peer = "streams"            // Gatehouse with redis.Streams
	Classic            Peer = "classic"            // Gatehouse with redis.SocketIO
	Embedded           Peer = "embedded"           // Gatehouse with NATS inside the nodes
	Centrifuge         Peer = "centrifuge"         // centrifuge, its broker on Redis
	CentrifugeTogether Peer = "centrifuge×64"      // the same, bursts by 64 goroutines
	CentrifugeHistory  Peer = "centrifuge-history" // the same as centrifuge, and it keeps what is published
	SocketIO           Peer = "socket.io"          // Socket.IO on Node with @socket.io/redis-adapter
	Frames             Peer = "frames"             // the client for Redis alone, frames of 64 messages
)

// Settings of a node.
type Settings struct {
	Peer   Peer
	Name   string // of the node
	Redis  string // its address; empty without
	Listen string // Embedded: for other nodes
	Peers  string // Embedded: addresses of all nodes, with commas
	Queue  int    // Gatehouse: messages that may wait for other nodes, 0 its default
}

// Args are those that Main reads.
func (s Settings) Args() []string {
	return []string{"-peer", string(s.Peer), "-name", s.Name, "-redis", s.Redis, "-listen", s.Listen, "-peers", s.Peers, "-queue", strconv.Itoa(s.Queue)}
}

// Main runs a node until its standard input ends.
func Main(ctx context.Context, args []string) error {
	var s Settings
	flags := flag.NewFlagSet("node", flag.ContinueOnError)
	flags.StringVar((*string)(&s.Peer), "peer", "", "what it is made of")
	flags.StringVar(&s.Name, "name", "", "of the node, and the room of its clients")
	flags.StringVar(&s.Redis, "redis", "", "address of Redis")
	flags.StringVar(&s.Listen, "listen", "", "address for other nodes")
	flags.StringVar(&s.Peers, "peers", "", "addresses of all nodes")
	flags.IntVar(&s.Queue, "queue", 0, "messages that may wait for other nodes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch s.Peer {
	case Centrifuge, CentrifugeTogether, CentrifugeHistory:
		return runCentrifuge(ctx, s)
	case Frames:
		return runFrames(ctx, s)
	default:
		return runGatehouse(ctx, s)
	}
}
