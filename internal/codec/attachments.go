package codec

import (
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/placeholder"
)

// attachments are the binary parts of an input, with the places of the objects in its text that stand for them.
type attachments struct {
	parts  [][]byte
	places []placeholder.Place
	next   int // of places: those before it are before what is read
}

// newAttachments returns nil without parts: then nothing in the text stands for one.
func newAttachments(text []byte, parts [][]byte) *attachments {
	if len(parts) == 0 {
		return nil
	}
	return &attachments{parts: parts, places: placeholder.All(text)}
}

// from returns the places from an index of the text on. The indexes of its calls do not decrease.
func (a *attachments) from(i int) []placeholder.Place {
	if a == nil {
		return nil
	}
	for a.next < len(a.places) && a.places[a.next].Start < i {
		a.next++
	}
	return a.places[a.next:]
}

// between reports whether a placeholder starts in a part of the text.
func (a *attachments) between(from, to int) bool {
	places := a.from(from)
	return len(places) > 0 && places[0].Start < to
}

// placeholder reports whether the next value stands for an attachment.
func (r *reader) placeholder() bool {
	return r.attachments != nil && r.attachments.between(r.at, r.at+1)
}

// attachment reads a placeholder, and returns what it stands for: no copy, and not nil.
func (r *reader) attachment() (data []byte, ok bool) {
	num := r.attachments.from(r.at)[0].Num
	if num < 0 || num >= len(r.attachments.parts) || !r.skip() {
		return nil, false
	}
	return notNil(r.attachments.parts[num]), true
}

// notNil returns data; an empty attachment is not null.
func notNil(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// attached reads a placeholder into bytes.
func (r *reader) attached(n *node, p ptr) bool {
	if !r.placeholder() {
		return false
	}
	data, ok := r.attachment()
	switch {
	case !ok:
		return false
	case n.dec == opBytes:
		*as[[]byte](p) = data
		return true
	}
	return len(data) == n.count && reflect.Copy(valueAt(n.typ, p), reflect.ValueOf(data)) == n.count
}
