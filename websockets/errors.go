package websockets

import (
	"errors"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Errors that Emit, Call, Join and other methods return. Test with errors.Is.
var (
	// ErrClosed: the client has left.
	ErrClosed = errors.New("websockets: client has disconnected")
	// ErrQueueFull: the client reads too slowly and its send queue is full.
	ErrQueueFull = errors.New("websockets: send queue of the client is full")
	// ErrTooManyRooms is an [*Error]: the client is in as many rooms as [MaxRooms] allows.
	ErrTooManyRooms error = &Error{Message: "The client is in too many rooms", Code: CodeTooManyRooms}
	// ErrRoomName is an [*Error]: the name of a room is longer than 1,024 bytes. Names may come
	// from clients, and are kept for each.
	ErrRoomName error = &Error{Message: "The name of the room is longer than 1,024 bytes", Code: CodeRoomName}
	// ErrCancelled is the cause with which the context of a stream ends when its client has
	// cancelled it.
	ErrCancelled = errors.New("websockets: the client has cancelled the stream")
	// ErrBackplaneFull: too much waits to be sent to other nodes, because the service between
	// them is slow or cannot be reached. Clients of this node are sent it, unless the error says that none is.
	ErrBackplaneFull = errors.New("websockets: queue to the other nodes is full")
	// ErrNoEvent: the event has no name, which no client could handle.
	ErrNoEvent = errors.New("websockets: the event has no name: pass the one that clients handle")
	// ErrTooManyCalls: too many calls to the client wait for an answer.
	ErrTooManyCalls = errors.New("websockets: too many calls to the client are unanswered")
)

// Error is an error whose text the client may see. Anything else that a handler
// returns reaches the client as "Internal server error" and is logged.
//
//	return nil, &websockets.Error{Message: "Room is full", Code: "room_full"}
//
// It is found by errors.As, so it may be wrapped.
type Error = pipeline.Error

// NewError makes an Error of a message for the client.
func NewError(message string) *Error { return &Error{Message: message} }

// EventCancel is the event with which clients of platforms without request ids cancel a
// stream; its payload is the stream's event. Clients of plain WebSocket send {"cancel":id}.
const EventCancel = "gatehouse:cancel"

// EventException is the event under which errors reach clients.
const EventException = "exception"
