package envelope

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

// Errors of frames and messages. Test with errors.Is.
var (
	// ErrInvalid: the bytes are not a frame or a message.
	ErrInvalid = errors.New("invalid")
	// ErrUnknown: a newer version sent it, with something that must not be ignored.
	ErrUnknown = errors.New("unknown to this version")
	// ErrVersion: a node of another major version sent it. It is an ErrUnknown too.
	ErrVersion = fmt.Errorf("another major version, %w", ErrUnknown)
	// ErrLimit: it is larger than [Limits] allow.
	ErrLimit = errors.New("over the limit")
)

// Limits bound what is read. Zero fields are the default.
type Limits struct {
	// Frame is the length of a frame in bytes. Default 16 MiB.
	Frame int
	// Attachments is how many a message has. Default 1,000.
	Attachments int
	// Names is how many endpoints, rooms and ids a message has in all. Default 10,000.
	Names int
	// Name is the length of a namespace, room or id in bytes. Default 1,024.
	Name int
	// Event is the length of the name of an event in bytes. Default 1,024.
	Event int
}

// overhead is how many bytes of a frame with one message are not counted by [Size], at most.
const overhead = 64

func (l Limits) withDefaults() Limits {
	if l == (Limits{}) {
		return defaults
	}
	return l.filled()
}

var defaults = Limits{}.filled()

func (l Limits) filled() Limits {
	set := func(v *int, to int) {
		if *v <= 0 {
			*v = to
		}
	}
	set(&l.Frame, 16<<20)
	set(&l.Attachments, 1000)
	set(&l.Names, 10_000)
	set(&l.Name, 1024)
	set(&l.Event, 1024)
	return l
}

// MaxMessage returns the size of the largest message that fits into a frame.
func (l Limits) MaxMessage() int { return l.withDefaults().Frame - overhead }

// Check returns the error with which a receiver with these limits would refuse m, apart from
// that of invalid JSON.
func (l Limits) Check(m *backplane.Message) error {
	l = l.withDefaults()
	names := len(m.Select.Endpoints)
	for _, list := range [...][]string{m.Select.Rooms, m.Select.ExceptRooms, m.Select.IDs, m.Select.ExceptIDs, m.Rooms} {
		names += len(list)
		for _, n := range list {
			if len(n) > l.Name {
				return fmt.Errorf("name of %d bytes: %w of %d", len(n), ErrLimit, l.Name)
			}
		}
	}
	switch {
	case len(m.Select.Namespace) > l.Name:
		return fmt.Errorf("namespace of %d bytes: %w of %d", len(m.Select.Namespace), ErrLimit, l.Name)
	case names > l.Names:
		return fmt.Errorf("%d rooms, ids and endpoints: %w of %d", names, ErrLimit, l.Names)
	case len(m.Event) > l.Event:
		return fmt.Errorf("event name of %d bytes: %w of %d", len(m.Event), ErrLimit, l.Event)
	case !utf8.ValidString(m.Event) || !utf8.ValidString(m.Select.Namespace):
		return fmt.Errorf("event or namespace is not UTF-8: %w", ErrInvalid)
	case m.Traceparent != "" && !ValidTraceparent(m.Traceparent):
		return fmt.Errorf("traceparent is none of W3C: %w", ErrInvalid)
	case len(m.Payload.Attachments) > l.Attachments:
		return fmt.Errorf("%d attachments: %w of %d", len(m.Payload.Attachments), ErrLimit, l.Attachments)
	}
	if n := Size(m); n > l.Frame-overhead {
		return fmt.Errorf("message of %d bytes: %w of %d", n, ErrLimit, l.Frame-overhead)
	}
	return nil
}

// validJSON reports whether b is one JSON value in UTF-8.
func validJSON(b []byte) bool {
	end := jsonscan.Value(b, jsonscan.Space(b, 0), jsonscan.MaxDepth)
	return end >= 0 && jsonscan.Space(b, end) == len(b) && utf8.Valid(b)
}
