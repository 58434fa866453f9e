package backplane

import "strconv"

// Kind is what a message is about. The numbers are those on the wire and never change.
type Kind uint8

// The kinds of messages. A node ignores and counts those that it does not know.
const (
	Event      Kind = 1 // an event for the selected clients
	Join       Kind = 2 // the selected clients join Rooms
	Leave      Kind = 3 // they leave Rooms
	Disconnect Kind = 4 // they are disconnected

	Call        Kind = 5 // an event whose answers are awaited
	CallCount   Kind = 6 // how many clients of a node were called
	CallAnswer  Kind = 7 // what one of them answered
	Fetch       Kind = 8 // asks for the selected clients
	Fetched     Kind = 9 // the clients of one node
	Rooms       Kind = 10
	RoomsAnswer Kind = 11
	NodeEvent   Kind = 12 // an event for the nodes themselves
	NodeAnswer  Kind = 13

	Hello Kind = 14 // a node has started, or introduces itself to another
	Beat  Kind = 15 // a node lives
	Bye   Kind = 16 // a node stops

	PresenceDelta Kind = 17 // changes of the presence at a node
	PresenceState Kind = 18 // a part of all of it
	PresenceAsk   Kind = 19 // asks for it

	Claim     Kind = 21 // asks a node for a client that has come to another one
	Claimed   Kind = 22 // the client, and an event that it has missed, each
	ClaimMore Kind = 23 // asks for what the client has missed
	ClaimDone Kind = 24 // the client has moved, or not

	Park Kind = 25 // asks a node to claim a client of one that stops

	Taken Kind = 27 // a client has come to another node by its record

	Lost Kind = 28 // in a log: in the place of Count messages of the node, up to this one, which it has dropped; Volatile if all were
)

var kindNames = [...]string{
	Event: "event", Join: "join", Leave: "leave", Disconnect: "disconnect", Call: "call", CallCount: "call count",
	CallAnswer: "call answer", Fetch: "fetch", Fetched: "fetched", Rooms: "rooms", RoomsAnswer: "rooms answer",
	NodeEvent: "node event", NodeAnswer: "node answer", Hello: "hello", Beat: "beat", Bye: "bye",
	PresenceDelta: "presence delta", PresenceState: "presence state", PresenceAsk: "presence ask",
	Claim: "claim", Claimed: "claimed", ClaimMore: "claim more", ClaimDone: "claim done",
	Park: "park", Taken: "taken", Lost: "lost",
}

// String returns the name of the kind, such as "event"; its number for an unknown one.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}
